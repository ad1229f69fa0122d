"""/ui: pages for people. They hold no data: what they show they fetch from the endpoints that every client has."""

from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Header
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.exceptions import HTTPException

from api.dashboard import assets
from api.dashboard.assets import Asset
from api.http import security
from noisesweep import __version__
from noisesweep.models import NoiseOn, Precision, SweepRequest
from shared.datasets import DatasetName

router = APIRouter(include_in_schema=False)

TEMPLATES = Path(assets.__file__).parent / "templates"
# A page is looked for anew each time, for it names the edition of all that it loads, which is kept for good.
PAGE_HEADERS = {"Content-Security-Policy": security.DASHBOARD, "Cache-Control": "no-cache"}
KEPT = {"Cache-Control": "public, max-age=31536000, immutable"}
ASKED_FOR_AGAIN = {"Cache-Control": "no-cache"}


@cache
def _page(name: str) -> str:
    templates = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined)
    fields = SweepRequest.model_json_schema()["properties"]
    return templates.get_template(f"{name}.html").render(
        version=__version__,
        assets=assets.assets(),
        styles_of_maps=assets.styles_of_maps(),
        fields=fields,
        defaults={name: field["default"] for name, field in fields.items() if "default" in field},
        datasets=list(DatasetName),
        noise_on=list(NoiseOn),
        precisions=list(Precision),
    )


def _response(name: str) -> HTMLResponse:
    return HTMLResponse(_page(name), headers=PAGE_HEADERS)


@router.get("/")
async def lead_in(accept: Annotated[str, Header()] = "") -> RedirectResponse:
    """Lead a browser to the pages, and anything else to the API's description."""
    return RedirectResponse("/ui" if "text/html" in accept else "/docs", headers={"Vary": "Accept"})


@router.get("/ui")
async def show_home() -> HTMLResponse:
    """The form and the list of sweeps."""
    return _response("home")


@router.get("/ui/sweeps/{sweep_id}")
async def show_sweep(sweep_id: str) -> HTMLResponse:  # noqa: ARG001 - the page reads it from its own address
    """A sweep, live."""
    return _response("sweep")


@router.get("/ui/compare")
async def show_comparison() -> HTMLResponse:
    """Several sweeps in one picture."""
    return _response("compare")


@router.get("/ui/workers")
async def show_workers() -> HTMLResponse:
    """The workers and the queue."""
    return _response("workers")


@router.get(f"{assets.PREFIX}/{{edition}}/{{name}}")
async def send_asset(edition: str, name: str) -> FileResponse:
    """A file that pages load. A page from before an update gets the current file, which it must not cache."""
    asset: Asset | None = assets.assets().get(name)
    if asset is None:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    headers = KEPT if edition == asset.edition else ASKED_FOR_AGAIN
    return FileResponse(asset.path, media_type=asset.media_type, headers=headers)
