"""Folder of HTML pages, such as the built documentation."""

from fastapi import FastAPI
from fastapi.responses import RedirectResponse
from fastapi.staticfiles import StaticFiles
from starlette.responses import Response
from starlette.types import Scope


class Pages(StaticFiles):
    """Static pages whose redirects are relative.

    An absolute redirect contains the scheme and the host that this process sees. Behind a proxy, these are not those of
    the client: the redirect would lead from https to http.
    """

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return the file at a path; redirect to the path with a slash if it is a folder with an index page."""
        response = await super().get_response(path, scope)
        return redirect_into(scope["path"]) if isinstance(response, RedirectResponse) else response


def redirect_into(path: str) -> RedirectResponse:
    """Return a redirect from the path of a folder to the same path with a slash, as a relative reference."""
    folder = path.rsplit("/", maxsplit=1)[-1]
    return RedirectResponse(f"./{folder}/")


def mount(app: FastAPI, path: str, pages: Pages) -> None:
    """Serve pages below a path. The path without a slash redirects to the one with a slash."""
    app.mount(path, pages)

    @app.get(path, include_in_schema=False)
    async def redirect_to_pages() -> RedirectResponse:
        return redirect_into(path)
