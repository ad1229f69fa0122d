"""/ui: the pages of the dashboard. They contain no data and fetch everything from the public API."""

from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Header, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.exceptions import HTTPException

from api.dashboard import assets
from api.dashboard.assets import Asset
from api.http import security
from api.http.pages import StaticFile
from noisesweep import __version__
from noisesweep.models import (
    ConvolutionalNetwork,
    Keep,
    MultilayerPerceptron,
    NetworkKind,
    NoiseKind,
    NoiseOn,
    Precision,
    SweepRequest,
)
from shared.datasets import DatasetName

router = APIRouter(include_in_schema=False)

TEMPLATES = Path(assets.__file__).parent / "templates"
PAGE_HEADERS = {"Content-Security-Policy": security.DASHBOARD_CSP}
# The URLs of assets in a page contain a hash.
CACHE_FOREVER = {"Cache-Control": "public, max-age=31536000, immutable"}


@cache
def _page(name: str, root: str) -> str:
    templates = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined)
    fields = SweepRequest.model_json_schema()["properties"]
    return templates.get_template(f"{name}.html").render(
        root=root,
        version=__version__,
        assets=assets.assets(),
        map_styles_id=assets.map_styles_id(),
        fields=fields,
        defaults={name: field["default"] for name, field in fields.items() if "default" in field},
        datasets=list(DatasetName),
        networks=list(NetworkKind),
        mlp=MultilayerPerceptron.model_json_schema()["properties"],
        cnn=ConvolutionalNetwork.model_json_schema()["properties"],
        noise=list(NoiseKind),
        noise_on=list(NoiseOn),
        precisions=list(Precision),
        keep=list(Keep),
    )


def _response(name: str, root: str = "..") -> HTMLResponse:
    """Return a page. `root` leads from its URL to the root of the API, wherever a proxy serves it."""
    return HTMLResponse(_page(name, root), headers=PAGE_HEADERS)


@router.get("/")
async def redirect_root(accept: Annotated[str, Header()] = "") -> RedirectResponse:
    """Redirect browsers to /ui and other clients to /docs."""
    return RedirectResponse("/ui" if "text/html" in accept else "/docs", headers={"Vary": "Accept"})


@router.get("/ui")
async def show_home() -> HTMLResponse:
    """Return the page with the submission form and the list of sweeps."""
    return _response("home", ".")


@router.get("/ui/sweeps/{sweep_id}")
async def show_sweep(sweep_id: str) -> HTMLResponse:  # noqa: ARG001 - the page reads the id from its URL
    """Return the page of one sweep, with live progress."""
    return _response("sweep", "../..")


@router.get("/ui/compare")
async def show_comparison() -> HTMLResponse:
    """Return the page that compares several sweeps."""
    return _response("compare")


@router.get("/ui/class")
async def show_class() -> HTMLResponse:
    """Return the page of all sweeps with one tag."""
    return _response("class")


@router.get("/ui/workers")
async def show_workers() -> HTMLResponse:
    """Return the page of workers and the queue."""
    return _response("workers")


@router.get(f"{assets.PREFIX}/{{fingerprint}}/{{name}}")
async def send_asset(request: Request, fingerprint: str, name: str) -> StaticFile:
    """Send a static file of the pages. A URL of an older version returns the current file, to be revalidated."""
    asset: Asset | None = assets.assets().get(name)
    if asset is None:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    headers = CACHE_FOREVER if fingerprint == asset.fingerprint else None
    return StaticFile(asset.path, request, headers, asset.media_type)
