"""TLS for tests: an authority that issues certificates, and a front that speaks TLS before a server that does not."""

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


class Pair(NamedTuple):
    """A certificate and its key, as PEM files."""

    certificate: Path
    key: Path


def openssl(*arguments: str | Path) -> None:
    binary = shutil.which("openssl")
    if binary is None:
        pytest.skip("certificates are made with openssl, which is not on the PATH")
    subprocess.run([binary, *arguments], check=True, capture_output=True)


class Authority:
    """An authority of a test's own, which nobody trusts who has not been given its certificate."""

    def __init__(self, folder: Path, name: str) -> None:
        self.certificate, self._key = folder / f"{name}.crt", folder / f"{name}.key"
        self._folder = folder
        subject = ("-subj", f"/CN={name}", "-addext", "keyUsage=critical,keyCertSign")
        openssl("req", "-x509", *NEW_KEY, "-nodes", *subject, "-keyout", self._key, "-out", self.certificate)

    def issue(self, names: str) -> Pair:
        """A certificate for these names, written as in openssl's subjectAltName: DNS:example.org,IP:127.0.0.1."""
        stem = self._folder / names.replace(":", "-").replace(",", "-")
        request, extensions = stem.with_suffix(".csr"), stem.with_suffix(".ext")
        pair = Pair(stem.with_suffix(".crt"), stem.with_suffix(".key"))
        extensions.write_text(f"subjectAltName={names}\n")
        openssl("req", *NEW_KEY, "-nodes", "-subj", "/CN=server", "-keyout", pair.key, "-out", request)
        signing = ("-CA", self.certificate, "-CAkey", self._key, "-CAcreateserial", "-extfile", extensions)
        openssl("x509", "-req", "-in", request, *signing, "-out", pair.certificate)
        return pair


class TlsFront:
    """A port of loopback that speaks TLS and passes on what it hears to another, as that of a managed store does.

    Clients are to show a certificate of `clients`, if that is given.
    """

    def __init__(self, pair: Pair, behind: int, clients: Authority | None = None) -> None:
        self.port = free_port()
        self._behind = behind
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
        answers, questions = await asyncio.open_connection(LOOPBACK, self._behind)
        try:
            await asyncio.gather(_pass_on(reader, questions), _pass_on(answers, writer))
        finally:
            for each in (questions, writer):
                each.transport.abort()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while heard := await reader.read(65536):
            writer.write(heard)
            await writer.drain()
    except OSError:
        pass  # one side has gone without a word
    finally:
        writer.close()
