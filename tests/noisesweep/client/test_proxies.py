"""Forward proxies and certificates that the environment names, on real sockets."""

import asyncio
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from noisesweep import AsyncNoiseSweep, NoiseSweep, NoiseSweepError, ServiceUnreachableError, WrongUsageError
from noisesweep.client.proxies import find_proxy
from noisesweep.local.launcher import LOOPBACK, free_port
from tests.support.proxy import Proxy
from tests.support.tls import CertificateAuthority, KeyPair, TlsProxy

VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR")
SERVICE = "http://noise.example"


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture(scope="module")
def pair(authority: CertificateAuthority) -> KeyPair:
    return authority.issue("DNS:localhost")


@pytest.fixture
def tls_port(pair: KeyPair, http: httpx.Client) -> Iterator[int]:
    tls = TlsProxy(pair, http.base_url.port or 0)
    yield tls.port
    tls.close()


class RefusingProxy:
    """Forward proxy that answers every request in the same way."""

    def __init__(self, status: str) -> None:
        self._answer = f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()
        self._listener = socket.create_server((LOOPBACK, 0))
        self.url = f"http://{LOOPBACK}:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _ = self._listener.accept()
                with client:
                    client.recv(65536)
                    client.sendall(self._answer)

    def close(self) -> None:
        self._listener.close()


def failure(url: str, timeout: float = 1.0) -> NoiseSweepError:
    """Return the error of the synchronous client, after checking that the asynchronous client raises the same."""

    async def use() -> None:
        async with AsyncNoiseSweep(url, timeout=timeout) as service:
            await service.queue()

    with pytest.raises(NoiseSweepError) as raised, NoiseSweep(url, timeout=timeout) as service:
        service.queue()
    with pytest.raises(type(raised.value)) as raised_async:
        asyncio.run(use())
    assert str(raised_async.value).partition("(")[0] == str(raised.value).partition("(")[0]
    return raised.value


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "ALL_PROXY"])
def test_request_passes_the_proxy_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, proxy: Callable[..., Proxy], variable: str
) -> None:
    forward = proxy()
    monkeypatch.setenv(variable, forward.url)
    # The API behind the proxy answers that it does not have this name.
    assert "received 'noise.example'" in str(failure(SERVICE))
    assert forward.connections == 2


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
@pytest.mark.parametrize("scheme", ["http://", "http://user:secret@", ""])
def test_dead_proxy_is_named_as_the_cause(monkeypatch: pytest.MonkeyPatch, variable: str, scheme: str) -> None:
    address = f"{LOOPBACK}:{free_port()}"
    monkeypatch.setenv(variable, f"{scheme}{address}")
    error = failure(SERVICE)
    assert isinstance(error, ServiceUnreachableError)
    assert str(error).startswith(f"no answer from the proxy http://{address} ({variable}) (")
    assert "add noise.example to NO_PROXY" in str(error)
    assert "secret" not in str(error)


@pytest.mark.parametrize("service", ["https://noise.example", SERVICE])
@pytest.mark.parametrize("status", ["403 Forbidden", "407 Proxy Authentication Required", "502 Bad Gateway"])
def test_refusal_of_a_proxy_names_the_proxy(monkeypatch: pytest.MonkeyPatch, service: str, status: str) -> None:
    forward = RefusingProxy(status)
    monkeypatch.setenv("ALL_PROXY", forward.url)
    error = failure(service)
    forward.close()
    assert isinstance(error, ServiceUnreachableError)
    assert f"the proxy {forward.url} (ALL_PROXY)" in str(error)
    assert status[:3] in str(error)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("socks5://user:secret@127.0.0.1:1080", "run `pip install 'httpx[socks]'`, or add noise.example to NO_PROXY"),
        ("socks4://127.0.0.1:1080", "ALL_PROXY: expected a URL with the scheme http, https, socks5, socks5h"),
        ("http://", "ALL_PROXY: expected a URL with the scheme"),
        ("http://a:b", "ALL_PROXY: expected a URL like"),
    ],
)
def test_unsupported_proxy_is_rejected_before_any_request(
    monkeypatch: pytest.MonkeyPatch, value: str, message: str
) -> None:
    monkeypatch.setitem(sys.modules, "socksio", None)  # as if it were not installed
    monkeypatch.setenv("ALL_PROXY", value)
    for client in (NoiseSweep, AsyncNoiseSweep):
        with pytest.raises(WrongUsageError) as refused:
            client(SERVICE)
        assert message in str(refused.value)
        assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "excluded", "is_used"),
    [
        (SERVICE, "", True),
        (SERVICE, "other.example", True),
        (SERVICE, "noise.example", False),
        (SERVICE, "a,.example", False),
        (SERVICE, "*", False),
        ("http://noise.example:8000", "noise.example:8000", False),
        ("http://[2001:db8::1]:8000", "2001:db8::1", False),
    ],
)
def test_no_proxy_is_honoured(monkeypatch: pytest.MonkeyPatch, url: str, excluded: str, is_used: bool) -> None:
    monkeypatch.setenv("ALL_PROXY", "proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", excluded)
    assert bool(find_proxy(httpx.URL(url))) is is_used


def test_loopback_needs_no_proxy(monkeypatch: pytest.MonkeyPatch, http: httpx.Client) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:9")
    with NoiseSweep(str(http.base_url)) as service:
        assert service.queue().queued_runs == 0


def test_certificate_of_ssl_cert_file_is_trusted_on_loopback_and_by_name(
    monkeypatch: pytest.MonkeyPatch, authority: CertificateAuthority, tls_port: int
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.certificate))
    with NoiseSweep(f"https://localhost:{tls_port}") as service:
        assert service.queue().queued_runs == 0


def test_untrusted_certificate_is_answered_with_the_setting(tls_port: int) -> None:
    error = failure(f"https://localhost:{tls_port}")
    assert str(error).startswith(f"the certificate of https://localhost:{tls_port} is not accepted (")
    assert "set SSL_CERT_FILE" in str(error)


def test_certificate_of_another_host_is_explained(
    monkeypatch: pytest.MonkeyPatch, authority: CertificateAuthority, tls_port: int
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.certificate))
    error = failure(f"https://{LOOPBACK}:{tls_port}")
    assert "is not accepted (IP address mismatch" in str(error)


def test_service_without_tls_is_not_reported_as_down(http: httpx.Client) -> None:
    error = failure(str(http.base_url.copy_with(scheme="https")))
    assert str(error).startswith("no TLS connection to https://")
    assert "check whether the service uses http or https" in str(error)


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_unusable_ssl_cert_file_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "ca.pem"
    if content:
        path.write_text(content)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    with pytest.raises(
        WrongUsageError, match=f"^SSL_CERT_FILE: expected a file of PEM certificates, received '{path}'"
    ):
        NoiseSweep("https://noise.example")
