"""TLS for tests: a certificate authority, and a TLS proxy for servers without TLS."""

import asyncio
import shutil
import ssl
import subprocess
import threading
from pathlib import Path
from typing import NamedTuple

import pytest

from noisesweep.local.launcher import LOOPBACK, free_port

NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")


class KeyPair(NamedTuple):
    """Certificate and private key, as PEM files."""

    certificate: Path
    key: Path


def openssl(*arguments: str | Path) -> None:
    binary = shutil.which("openssl")
    if binary is None:
        pytest.skip("openssl is not on the PATH")
    subprocess.run([binary, *arguments], check=True, capture_output=True)


class CertificateAuthority:
    """Private certificate authority. Clients trust it only if they load its certificate."""

    def __init__(self, folder: Path, name: str) -> None:
        self.certificate, self._key = folder / f"{name}.crt", folder / f"{name}.key"
        self._folder = folder
        subject = ("-subj", f"/CN={name}", "-addext", "keyUsage=critical,keyCertSign")
        openssl("req", "-x509", *NEW_KEY, "-nodes", *subject, "-keyout", self._key, "-out", self.certificate)

    def issue(self, names: str) -> KeyPair:
        """Issue a certificate for names in the syntax of subjectAltName: DNS:example.org,IP:127.0.0.1."""
        stem = self._folder / names.replace(":", "-").replace(",", "-")
        request, extensions = stem.with_suffix(".csr"), stem.with_suffix(".ext")
        pair = KeyPair(stem.with_suffix(".crt"), stem.with_suffix(".key"))
        extensions.write_text(f"subjectAltName={names}\n")
        openssl("req", *NEW_KEY, "-nodes", "-subj", "/CN=server", "-keyout", pair.key, "-out", request)
        signing = ("-CA", self.certificate, "-CAkey", self._key, "-CAcreateserial", "-extfile", extensions)
        openssl("x509", "-req", "-in", request, *signing, "-out", pair.certificate)
        return pair


class TlsProxy:
    """TLS proxy on a loopback port that forwards to another loopback port.

    If `clients` is given, clients must present a certificate of that authority.
    """

    def __init__(self, pair: KeyPair, target: int, clients: CertificateAuthority | None = None) -> None:
        self.port = free_port()
        self._target = target
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(*pair)
        if clients:
            self._context.load_verify_locations(clients.certificate)
            self._context.verify_mode = ssl.CERT_REQUIRED
        self._listening = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._listen()))
        self._thread.start()
        assert self._listening.wait(10)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._closing.set)
        self._thread.join()

    async def _listen(self) -> None:
        self._loop, self._closing = asyncio.get_running_loop(), asyncio.Event()
        async with await asyncio.start_server(self._serve, LOOPBACK, self.port, ssl=self._context):
            self._listening.set()
            await self._closing.wait()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        replies, requests = await asyncio.open_connection(LOOPBACK, self._target)
        try:
            await asyncio.gather(_forward(reader, requests), _forward(replies, writer))
        finally:
            for each in (requests, writer):
                each.transport.abort()


async def _forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while chunk := await reader.read(65536):
            writer.write(chunk)
            await writer.drain()
    except OSError:
        pass  # one side has disconnected
    finally:
        writer.close()
