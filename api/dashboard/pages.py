"""HTML pages in the design of the product, rendered from templates."""

from collections.abc import Hashable
from functools import cache
from http import HTTPStatus
from pathlib import Path

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from api.dashboard import assets
from api.http import security
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

TEMPLATES = Path(__file__).parent / "templates"


@cache
def _environment() -> Environment:
    templates = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined)
    fields = SweepRequest.model_json_schema()["properties"]
    templates.globals.update(
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
    return templates


def page(
    name: str, root: str, status: HTTPStatus = HTTPStatus.OK, policy: str = security.DASHBOARD_CSP, **values: Hashable
) -> HTMLResponse:
    """Return a page as an answer.

    Args:
        name: Name of the template, without its suffix.
        root: Relative path from the URL of the page to the root of the API, wherever a proxy serves it.
        status: Status of the answer.
        policy: Content-Security-Policy.
        values: Variables of the template. Equal ones are rendered once.
    """
    return HTMLResponse(_render(name, root, **values), status, {"Content-Security-Policy": policy})


@cache
def _render(name: str, root: str, **values: Hashable) -> str:
    return _environment().get_template(f"{name}.html").render(root=root, **values)
