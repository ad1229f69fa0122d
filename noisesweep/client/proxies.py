"""Proxy and certificate authorities that the environment names."""

import os
import ssl
from dataclasses import dataclass, field
from importlib.util import find_spec
from urllib.request import getproxies, proxy_bypass

import httpx

from noisesweep.client.errors import WrongUsageError

SCHEMES = ("http", "https", "socks5", "socks5h")


@dataclass(frozen=True)
class Proxy:
    """Forward proxy between this client and the service.

    Attributes:
        url: URL of the proxy. It may contain a password, so it is excluded from the repr.
        source: Environment variable that names the proxy.
    """

    url: httpx.URL = field(repr=False)
    source: str

    def __str__(self) -> str:
        """Return the URL without user name and password, and the source."""
        return f"{self.url.scheme}://{self.url.netloc.decode()} ({self.source})"


def find_proxy(service: httpx.URL) -> Proxy | None:
    """Return the proxy for a service, from HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY; None if there is none.

    Raises:
        WrongUsageError: The client does not support the proxy.
    """
    proxies = getproxies()
    scheme = next((scheme for scheme in (service.scheme, "all") if proxies.get(scheme)), None)
    if scheme is None or any(map(proxy_bypass, (service.host, service.netloc.decode()))):
        return None
    names = (f"{scheme}_proxy", f"{scheme}_proxy".upper())
    source = next((name for name in names if os.environ.get(name)), "system settings")
    value = proxies[scheme]
    try:
        proxy = Proxy(httpx.URL(value if "://" in value else f"http://{value}"), source)
    except httpx.InvalidURL as error:
        raise WrongUsageError(f"{source}: expected a URL like http://proxy.example.org:3128 ({error})") from error
    if proxy.url.scheme not in SCHEMES or not proxy.url.host:
        raise WrongUsageError(
            f"{source}: expected a URL with the scheme {', '.join(SCHEMES)}, received {proxy.url.scheme}"
        )
    if proxy.url.scheme.startswith("socks") and find_spec("socksio") is None:
        raise WrongUsageError(
            f"the proxy {proxy} needs a package that is not installed: run `pip install 'httpx[socks]'`, or add "
            f"{service.host} to NO_PROXY"
        )
    return proxy


def trusted_certificates() -> ssl.SSLContext:
    """Return a TLS context that trusts SSL_CERT_FILE or SSL_CERT_DIR if set, otherwise the public authorities.

    Raises:
        WrongUsageError: SSL_CERT_FILE is not a file of certificates.
    """
    try:
        return httpx.create_ssl_context()
    except OSError as error:
        path = os.environ.get("SSL_CERT_FILE")
        raise WrongUsageError(
            f"SSL_CERT_FILE: expected a file of PEM certificates, received {path!r} ({error})"
        ) from error
