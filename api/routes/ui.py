"""/ui and /docs: the pages of the dashboard. Except for an example, they fetch their data from the public API."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from http import HTTPStatus
from typing import Annotated, cast

from fastapi import APIRouter, FastAPI, Header, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.exceptions import HTTPException

from api.dashboard import assets
from api.dashboard.assets import Asset
from api.dashboard.example import example, example_sentence
from api.dashboard.pages import page
from api.http import security
from api.http.pages import StaticFile
from api.http.root_path import route_path
from api.plots import accuracy
from api.plots.options import FileFormat, OptionsDep
from api.plots.picture import encode

router = APIRouter(include_in_schema=False)

# The URLs of assets in a page contain a hash.
CACHE_FOREVER = {"Cache-Control": "public, max-age=31536000, immutable"}
# Unknown paths below /ui with more parts are answered with a problem document.
MAX_DEPTH = 8


@router.get("/")
async def redirect_root(accept: Annotated[str, Header()] = "") -> RedirectResponse:
    """Redirect browsers to /ui and other clients to /docs."""
    return RedirectResponse("/ui" if "text/html" in accept else "/docs", headers={"Vary": "Accept"})


@router.get("/ui")
async def show_home() -> HTMLResponse:
    """Return the page with the submission form and the list of sweeps."""
    return page("home", ".", trained_on=example().created_at, sentence=example_sentence())


@router.get("/ui/example")
async def plot_example(options: OptionsDep) -> Response:
    """Return the data of the accuracy plot of the example, like the plot of a stored sweep."""
    options = replace(options, file_format=FileFormat.JSON)
    return Response(encode(accuracy.plot_data(example(), log=options.log), options), media_type="application/json")


@router.get("/ui/sweeps/{sweep_id}")
async def show_sweep(sweep_id: str) -> HTMLResponse:  # noqa: ARG001 - the page reads the id from its URL
    """Return the page of one sweep, with live progress."""
    return page("sweep", "../..")


@router.get("/ui/runs/{run_id}")
async def show_run(run_id: str) -> HTMLResponse:  # noqa: ARG001 - the page reads the id from its URL
    """Return the page of one run, with its curves."""
    return page("run", "../..")


@router.get("/ui/compare")
async def show_comparison() -> HTMLResponse:
    """Return the page that compares several sweeps."""
    return page("compare", "..")


@router.get("/ui/class")
async def show_class() -> HTMLResponse:
    """Return the page of all sweeps with one tag."""
    return page("class", "..")


@router.get("/ui/workers")
async def show_workers() -> HTMLResponse:
    """Return the page of workers and the queue."""
    return page("workers", "..")


@router.get("/docs")
async def show_docs() -> HTMLResponse:
    """Return the documentation of the API, which Swagger UI draws from /openapi.json."""
    return page("docs", ".", policy=security.SWAGGER_CSP)


@router.get(f"{assets.PREFIX}/{{fingerprint}}/{{name:path}}")
async def send_asset(request: Request, fingerprint: str, name: str) -> StaticFile:
    """Send a static file of the pages. A URL of an older version returns the current file, to be revalidated."""
    asset: Asset | None = assets.assets().get(name)
    if asset is None:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    headers = CACHE_FOREVER if fingerprint == asset.fingerprint else None
    return StaticFile(asset.path, request, headers, asset.media_type)


def answer_unknown_pages(app: FastAPI) -> None:
    """Answer browsers with a page if a path below /ui is unknown. Other clients get the problem document."""
    problem = cast("Callable[[Request, Exception], Awaitable[Response]]", app.exception_handlers[HTTPException])

    async def handle(request: Request, error: Exception) -> Response:
        path = route_path(request.scope)
        depth = path.count("/") - request.scope.get("raw_path", b"").lower().count(b"%2f")
        is_page = path.startswith("/ui/") and "text/html" in request.headers.get("accept", "") and depth <= MAX_DEPTH
        if is_page and isinstance(error, HTTPException) and error.status_code == HTTPStatus.NOT_FOUND:
            answer: Response = page("not_found", "/".join([".."] * (depth - 1)), HTTPStatus.NOT_FOUND)
        else:
            answer = await problem(request, error)
        if path.startswith("/ui/"):
            answer.headers.append("Vary", "Accept")
        return answer

    app.add_exception_handler(HTTPException, handle)
