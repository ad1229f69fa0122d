"""API keys as bearer tokens. The service knows only the hashes of the keys."""

import hmac
from typing import Annotated

from fastapi import Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from api.http.errors import InvalidKeyError
from noisesweep.models import hash_api_key

_bearer = HTTPBearer(
    auto_error=False, scheme_name="api_key", description="An API key made with `noisesweep key`, as a bearer token."
)


class Auth:
    """FastAPI dependency of all routes that are not public: admits requests with a known API key."""

    def __init__(self, api_keys: dict[str, str]) -> None:
        """Store the SHA-256 of each key by its name."""
        self._api_keys = api_keys

    async def __call__(
        self, request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)]
    ) -> None:
        """Store the key's name in the request's state.

        Raises:
            InvalidKeyError: The key is missing or unknown.
        """
        if credentials is None:
            raise InvalidKeyError(
                "This service requires an API key: set NOISESWEEP_API_KEY for the noisesweep client, or send "
                "the header `Authorization: Bearer <key>`."
            )
        presented = hash_api_key(credentials.credentials)
        # Constant-time comparison with every key: the response time reveals nothing about any of them.
        names = [name for name, digest in self._api_keys.items() if hmac.compare_digest(presented, digest)]
        if not names:
            raise InvalidKeyError("Unknown API key: ask the operator of this service for a valid one.")
        request.state.key = names[0]


def key_name(request: Request) -> str:
    """Return the name of the request's API key, or "" if the service has no keys."""
    name: str = getattr(request.state, "key", "")
    return name
