"""Connection to the service: URL, API key and proxy."""

import os
import re
from dataclasses import dataclass, field
from importlib.metadata import version
from ipaddress import ip_address
from typing import Any

import httpx

from noisesweep.client.errors import WrongUsageError
from noisesweep.client.proxies import Proxy, find_proxy, trusted_certificates

URL = "NOISESWEEP_URL"
API_KEY = "NOISESWEEP_API_KEY"
DEFAULT_URL = "http://127.0.0.1:8000"
# Threads may share a client. httpx closes idle connections above its limits, also those that it has just given to a
# request of another thread, which then fails with "Bad file descriptor".
_NO_LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=None)
# Printable ASCII without spaces: a header allows no other characters, and a space suggests a copying mistake.
_KEY = re.compile("[!-~]*")


@dataclass(frozen=True)
class Connection:
    """URL of the service, API key and proxy.

    Attributes:
        url: URL of the service, without a trailing slash.
        key: API key, or "" for a service without keys. It is excluded from the repr.
        proxy: Forward proxy to the service; None for a direct connection.
    """

    url: str
    key: str = field(repr=False)
    proxy: Proxy | None = None

    @classmethod
    def resolve(cls, url: str | None, key: str | None) -> "Connection":
        """Return the connection for a URL and a key, which default to NOISESWEEP_URL and NOISESWEEP_API_KEY.

        Raises:
            WrongUsageError: The URL, the key or the proxy in the environment is invalid.
        """
        url = (url or os.environ.get(URL) or DEFAULT_URL).rstrip("/")
        key = (key or os.environ.get(API_KEY) or "").strip()
        try:
            parsed = httpx.URL(url)
        except httpx.InvalidURL as error:
            raise WrongUsageError(f"expected a URL like {DEFAULT_URL}, received {url!r} ({error})") from error
        if parsed.scheme not in ("http", "https") or not parsed.host:
            raise WrongUsageError(f"expected a URL like {DEFAULT_URL}, received {url!r}")
        if parsed.query or parsed.fragment:
            raise WrongUsageError(f"expected a URL without ? and #, received {url!r}")
        if parsed.userinfo:
            raise WrongUsageError(f"user name and password in the URL are not supported: set {API_KEY} instead")
        if not _KEY.fullmatch(key):
            raise WrongUsageError("the API key contains spaces or other invalid characters: copy it again")
        return cls(url, key, None if _is_loopback(parsed.host) else find_proxy(parsed))

    def client(self) -> httpx.Client:
        """Return a synchronous HTTP client."""
        return httpx.Client(**self._options)

    def async_client(self) -> httpx.AsyncClient:
        """Return an asynchronous HTTP client."""
        return httpx.AsyncClient(**self._options)

    @property
    def _options(self) -> dict[str, Any]:
        # trust_env=False: this class has already read the environment, so that errors can name the proxy.
        options = {"base_url": self.url, "headers": self._headers, "limits": _NO_LIMITS, "trust_env": False}
        if self.url.startswith("https:"):
            options["verify"] = trusted_certificates()
        if self.proxy:
            tls = trusted_certificates() if self.proxy.url.scheme == "https" else None
            options["proxy"] = httpx.Proxy(self.proxy.url, ssl_context=tls)
        return options

    @property
    def _headers(self) -> dict[str, str]:
        authorization = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        return {"User-Agent": f"noisesweep/{version('noisesweep')}", **authorization}


def _is_loopback(host: str) -> bool:
    """Return whether a host is this machine, which must be reached without a proxy."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
