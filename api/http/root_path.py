"""The root path of ASGI: the part of each URL path that belongs to a proxy, which serves the API below it.

Routes and stored data contain paths without the root path. Answers contain paths with it.
"""

from collections.abc import Mapping
from http import HTTPStatus

from fastapi import Response
from pydantic import BaseModel
from starlette.types import Receive, Scope, Send

from noisesweep.models.links import to_json


def root_path_of(scope: Scope) -> str:
    """Return the root path of a request, for example /noise-lab; "" if the API is at the root of its host."""
    # A mounted folder has a root path of its own.
    root_path: str = scope.get("app_root_path", scope.get("root_path", ""))
    return root_path


def route_path(scope: Scope) -> str:
    """Return the path of a request without the root path."""
    path: str = scope["path"]
    return path.removeprefix(root_path_of(scope))


class ModelResponse(Response):
    """JSON of a model, whose links start with the root path of the request."""

    media_type = "application/json"

    def __init__(
        self, model: BaseModel, status_code: int = HTTPStatus.OK, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(None, status_code, headers)
        self._model = model

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer."""
        self.body = self.render(to_json(self._model, root_path_of(scope)))
        self.headers["Content-Length"] = str(len(self.body))
        await super().__call__(scope, receive, send)
