"""The service's URL and the API key."""

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
# What a header can carry; without blanks, which are signs of a bad copy.
_KEY = re.compile("[!-~]*")


@dataclass(frozen=True)
class Connection:
    """The service's URL and the API key.

    Attributes:
        url: Of the service, without a slash at its end.
        key: The API key, "" where none is wanted; it is shown nowhere.
    """

    url: str
    key: str = field(repr=False)

    @classmethod
    def of(cls, url: str | None, key: str | None) -> "Connection":
        """Return the connection for a URL and a key. None takes NOISESWEEP_URL or NOISESWEEP_API_KEY.

        Raises:
            WrongUsageError: One of them cannot be such a thing.
        """
        url = (url or os.environ.get(URL) or DEFAULT_URL).rstrip("/")
        key = (key or os.environ.get(API_KEY) or "").strip()
        try:
            parsed = httpx.URL(url)
        except httpx.InvalidURL as error:
            raise WrongUsageError(f"{url!r} is no URL ({error}): it should look like {DEFAULT_URL}") from error
        if parsed.scheme not in ("http", "https") or not parsed.host:
            raise WrongUsageError(f"{url!r} is no URL of a service: it should look like {DEFAULT_URL}")
        if parsed.userinfo:
            raise WrongUsageError(f"a URL with a name and a password is not supported: give the key by {API_KEY}")
        if not _KEY.fullmatch(key):
            raise WrongUsageError("the API key has characters that no API key has: copy it anew")
        return cls(url, key)

    def client(self) -> httpx.Client:
        """Return a blocking client."""
        return httpx.Client(base_url=self.url, headers=self._headers, trust_env=not self._is_loopback)

    def async_client(self) -> httpx.AsyncClient:
        """Return a client for asyncio."""
        return httpx.AsyncClient(base_url=self.url, headers=self._headers, trust_env=not self._is_loopback)

    @property
    def _headers(self) -> dict[str, str]:
        authorization = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        return {"User-Agent": f"noisesweep/{version('noisesweep')}", **authorization}

    @property
    def _is_loopback(self) -> bool:
        """Whether the service is on this machine, so that a proxy of the environment does not apply."""
        host = httpx.URL(self.url).host
        try:
            return ip_address(host).is_loopback
        except ValueError:
            return host == "localhost"
