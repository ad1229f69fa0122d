"""Who may use the API: the holders of its keys, of which only the hashes are known here."""

import hashlib
import hmac
from typing import Annotated

from fastapi import Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from shared.errors import KeyRefusedError

_bearer = HTTPBearer(
    auto_error=False, scheme_name="api_key", description="An API key that `noisesweep key` made, as a bearer token."
)


def hash_of(key: str) -> str:
    """What is configured of a key. It has 256 random bits, so that a plain SHA-256 cannot be searched through."""
    return hashlib.sha256(key.encode()).hexdigest()


class Access:
    """Lets in whoever brings a key that is known; a dependency of all routes that are not for everybody."""

    def __init__(self, api_keys: dict[str, str]) -> None:
        self._api_keys = api_keys

    async def __call__(
        self, request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)]
    ) -> None:
        """Note the key's name with the request; raise KeyRefusedError if there is no such key."""
        if credentials is None:
            raise KeyRefusedError("This service wants an API key: send it as `Authorization: Bearer <key>`.")
        presented = hash_of(credentials.credentials)
        # All are compared, each in constant time: how long it takes tells nothing of any.
        names = [name for name, known in self._api_keys.items() if hmac.compare_digest(presented, known)]
        if not names:
            raise KeyRefusedError("This API key is not known here: ask who runs the service for one.")
        request.state.key = names[0]


def key_of(request: Request) -> str:
    """The name of the API key that the request came with; "" where none is wanted."""
    name: str = getattr(request.state, "key", "")
    return name
