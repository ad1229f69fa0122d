"""API keys as bearer tokens."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from api.http.errors import InvalidKeyError
from noisesweep.models import Caller
from noisesweep.models.keys import ANYONE

_bearer = HTTPBearer(
    auto_error=False, scheme_name="api_key", description="An API key made with `noisesweep key`, as a bearer token."
)


class Auth:
    """FastAPI dependency of all routes that are not public: admits requests with a known API key."""

    def __init__(self, find: Callable[[Request, str], Awaitable[Caller]]) -> None:
        """Take a function that returns who presents a key, or raises InvalidKeyError."""
        self._find = find

    async def __call__(
        self, request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)]
    ) -> None:
        """Store the caller and its key in the request's state.

        Raises:
            InvalidKeyError: The key is missing or unknown.
        """
        if credentials is None:
            raise InvalidKeyError(
                "This service requires an API key: set NOISESWEEP_API_KEY for the noisesweep client, or send "
                "the header `Authorization: Bearer <key>`."
            )
        request.state.caller = await self._find(request, credentials.credentials)
        request.state.api_key = credentials.credentials


def caller_of(request: Request) -> Caller:
    """Return who sends the request. Without keys, everybody is the same caller."""
    caller: Caller = getattr(request.state, "caller", ANYONE)
    return caller


def key_name(request: Request) -> str:
    """Return the name of the request's API key, or "" if the service has no keys."""
    return caller_of(request).name


def api_key(request: Request) -> str | None:
    """Return the request's API key, or None if the service has no keys."""
    key: str | None = getattr(request.state, "api_key", None)
    return key
