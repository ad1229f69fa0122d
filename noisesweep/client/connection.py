"""URL of the service and API key."""

import os
import re
from dataclasses import dataclass, field
from importlib.metadata import version
from ipaddress import ip_address

import httpx

from noisesweep.client.errors import WrongUsageError

URL = "NOISESWEEP_URL"
API_KEY = "NOISESWEEP_API_KEY"
DEFAULT_URL = "http://127.0.0.1:8000"
# Printable ASCII without spaces: a header allows no other characters, and a space suggests a copying mistake.
_KEY = re.compile("[!-~]*")


@dataclass(frozen=True)
class Connection:
    """URL of the service and API key.

    Attributes:
        url: URL of the service, without a trailing slash.
        key: API key, or "" for a service without keys. It is excluded from the repr.
    """

    url: str
    key: str = field(repr=False)

    @classmethod
    def resolve(cls, url: str | None, key: str | None) -> "Connection":
        """Return the connection for a URL and a key, which default to NOISESWEEP_URL and NOISESWEEP_API_KEY.

        Raises:
            WrongUsageError: The URL or the key is invalid.
        """
        url = (url or os.environ.get(URL) or DEFAULT_URL).rstrip("/")
        key = (key or os.environ.get(API_KEY) or "").strip()
        try:
            parsed = httpx.URL(url)
        except httpx.InvalidURL as error:
            raise WrongUsageError(f"expected a URL like {DEFAULT_URL}, received {url!r} ({error})") from error
        if parsed.scheme not in ("http", "https") or not parsed.host:
            raise WrongUsageError(f"expected a URL like {DEFAULT_URL}, received {url!r}")
        if parsed.userinfo:
            raise WrongUsageError(f"user name and password in the URL are not supported: set {API_KEY} instead")
        if not _KEY.fullmatch(key):
            raise WrongUsageError("the API key contains spaces or other invalid characters: copy it again")
        return cls(url, key)

    def client(self) -> httpx.Client:
        """Return a synchronous HTTP client."""
        return httpx.Client(base_url=self.url, headers=self._headers, trust_env=not self._is_loopback)

    def async_client(self) -> httpx.AsyncClient:
        """Return an asynchronous HTTP client."""
        return httpx.AsyncClient(base_url=self.url, headers=self._headers, trust_env=not self._is_loopback)

    @property
    def _headers(self) -> dict[str, str]:
        authorization = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        return {"User-Agent": f"noisesweep/{version('noisesweep')}", **authorization}

    @property
    def _is_loopback(self) -> bool:
        """Return True for a service on this machine, which must be reached without a proxy."""
        host = httpx.URL(self.url).host
        try:
            return ip_address(host).is_loopback
        except ValueError:
            return host == "localhost"
