"""API keys as bearer tokens. Only the hashes of keys are known here."""

import hmac
from typing import Annotated

from fastapi import Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from api.http.errors import InvalidKeyError
from noisesweep.models import hash_api_key

_bearer = HTTPBearer(
    auto_error=False, scheme_name="api_key", description="An API key that `noisesweep key` made, as a bearer token."
)


class Auth:
    """Admits requests with a known API key; a dependency of all routes that are not public."""

    def __init__(self, api_keys: dict[str, str]) -> None:
        """Take the SHA-256 of each key by its name."""
        self._api_keys = api_keys

    async def __call__(
        self, request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)]
    ) -> None:
        """Note the key's name in the request's state; raise InvalidKeyError if the key is missing or unknown."""
        if credentials is None:
            raise InvalidKeyError("This service wants an API key: send it as `Authorization: Bearer <key>`.")
        presented = hash_api_key(credentials.credentials)
        # Each is compared in constant time, so that the time taken reveals nothing of any key.
        names = [name for name, known in self._api_keys.items() if hmac.compare_digest(presented, known)]
        if not names:
            raise InvalidKeyError("This API key is not known here: ask who runs the service for one.")
        request.state.key = names[0]


def key_of(request: Request) -> str:
    """Return the name of the request's API key; "" if the service has no keys."""
    name: str = getattr(request.state, "key", "")
    return name
