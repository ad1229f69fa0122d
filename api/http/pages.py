"""Static files, and folders of them such as the built documentation."""

import hashlib
import os
from collections.abc import Mapping
from functools import lru_cache
from http import HTTPStatus
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Mount
from starlette.staticfiles import PathLike
from starlette.types import Scope

from api.http.conditional import Representation, raise_if_not_modified, target_of


class StaticFile(FileResponse):
    """File with an ETag that is made from its content.

    Starlette's ETag and Last-Modified are made from the time of the file. Packages and images that are built
    reproducibly contain a fixed time, so that two versions of a file could look the same.

    Raises:
        NotModified: The client has the file.
    """

    def __init__(
        self,
        path: Path,
        request: Request,
        headers: Mapping[str, str] | None = None,
        media_type: str | None = None,
        status_code: int = 200,
    ) -> None:
        stat = path.stat()
        super().__init__(path, status_code, headers, media_type, stat_result=stat)
        state = _digest(path, stat.st_mtime_ns, stat.st_size)
        for name, value in Representation(self.media_type or "").headers(target_of(request), state).items():
            self.headers.setdefault(name, value)
        raise_if_not_modified(request.headers.get("if-none-match"), self.headers)

    def set_stat_headers(self, stat_result: os.stat_result) -> None:
        """Add the header that depends on the file system: only its size."""
        self.headers["Content-Length"] = str(stat_result.st_size)

    def _should_use_range(self, http_if_range: str) -> bool:
        return http_if_range == self.headers["ETag"]


@lru_cache(maxsize=1024)
def _digest(path: Path, _modified_at: int, _size: int) -> str:
    """Return a hash of the content of a file. It is computed again after the time or the size of the file changed."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


class Pages(StaticFiles):
    """Static files whose redirects are relative.

    An absolute redirect contains the scheme and the host that this process sees. Behind a proxy, these are not those of
    the client: the redirect would lead from https to http.
    """

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return the file at a path; redirect to the path with a slash if it is a folder with an index page."""
        response = await super().get_response(path, scope)
        if response.status_code == HTTPStatus.NOT_FOUND:  # the 404.html of the folder, whose links are absolute
            raise HTTPException(HTTPStatus.NOT_FOUND)
        return redirect_into(scope["path"]) if isinstance(response, RedirectResponse) else response

    def file_response(
        self, full_path: PathLike, _stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        """Return a file."""
        return StaticFile(Path(full_path), Request(scope), status_code=status_code)


def redirect_into(path: str) -> RedirectResponse:
    """Return a redirect from the path of a folder to the same path with a slash, as a relative reference."""
    folder = path.rsplit("/", maxsplit=1)[-1]
    return RedirectResponse(f"./{folder}/")


def replace_static_files(app: FastAPI) -> None:
    """Serve the folders of static files that are mounted already, such as the scripts of /docs, as Pages."""
    for route in app.routes:
        if isinstance(route, Mount) and isinstance(route.app, StaticFiles):
            route.app = Pages(directory=route.app.directory)


def mount(app: FastAPI, path: str, pages: Pages) -> None:
    """Serve pages below a path. The path without a slash redirects to the one with a slash."""
    app.mount(path, pages)

    @app.get(path, include_in_schema=False)
    async def redirect_to_pages() -> RedirectResponse:
        return redirect_into(path)
