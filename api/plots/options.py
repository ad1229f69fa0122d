"""Options of plots: the query parameters of every route that returns a plot."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

import matplotlib as mpl
from fastapi import Depends, Query, Response
from pydantic import BaseModel

from api.http.conditional import JSON, Representation
from api.http.openapi import FILE_NAME
from api.plots.fonts import system_fonts


class FileFormat(StrEnum):
    """Formats of a plot: picture formats, or JSON for its data."""

    PNG = "png"
    SVG = "svg"
    PDF = "pdf"
    JSON = "json"

    @property
    def representation(self) -> Representation:
        """Return the representation. The bytes of a picture depend on Matplotlib and on the fonts of the host."""
        if self is FileFormat.JSON:
            return JSON
        media_type = {"png": "image/png", "svg": "image/svg+xml", "pdf": "application/pdf"}[self]
        return Representation(media_type, exact=False, made_with=f"{mpl.__version__} {system_fonts()}")


class ThemeName(StrEnum):
    """Names of the colour themes: light or dark background."""

    LIGHT = "light"
    DARK = "dark"


@dataclass(frozen=True)
class PlotOptions:
    """Options of a plot. Options that do not apply to a plot are ignored.

    Attributes:
        file_format: The format of the response.
        width: Width in inches; None for the default width of the plot.
        height: Height in inches; None for the default height of the plot.
        dpi: Pixels per inch; in SVG and PDF, the resolution of embedded images.
        theme: Light or dark.
        log: Whether the axis of noise scales is logarithmic.
        samples: Whether to show a sample image at each scale below the axis of noise scales.
    """

    file_format: FileFormat = FileFormat.PNG
    width: float | None = None
    height: float | None = None
    dpi: int = 150
    theme: ThemeName = ThemeName.LIGHT
    log: bool = False
    samples: bool = False


DEFAULT_OPTIONS = PlotOptions()
Inches = Annotated[float | None, Query(ge=2, le=12, allow_inf_nan=False)]


async def _options(
    *,
    file_format: Annotated[
        FileFormat, Query(alias="format", description="Picture format, or json for the data of the plot.")
    ] = FileFormat.PNG,
    width: Annotated[
        Inches,
        Query(description="Width in inches; the default depends on the plot. JSON contains the ticks for this width."),
    ] = None,
    height: Annotated[Inches, Query(description="Height in inches; the default depends on the plot.")] = None,
    dpi: Annotated[
        int, Query(ge=50, le=300, description="Pixels per inch; in SVG and PDF, the resolution of embedded images.")
    ] = 150,
    theme: Annotated[ThemeName, Query(description="Light or dark background.")] = ThemeName.LIGHT,
    log: Annotated[
        bool,
        Query(description="Use a logarithmic axis of noise scales, with scale 0 set apart. Other plots ignore it."),
    ] = False,
    samples: Annotated[
        bool,
        Query(description="Show a sample image at each scale below the axis of noise scales. Other plots ignore it."),
    ] = False,
) -> PlotOptions:
    return PlotOptions(file_format, width, height, dpi, theme, log, samples)


OptionsDep = Annotated[PlotOptions, Depends(_options)]


def plot_responses(model: type[BaseModel]) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI `responses` of a route that returns a plot; `model` is the schema of its JSON."""
    binary = {"schema": {"type": "string", "format": "binary"}}
    pictures = {"image/png": binary, "image/svg+xml": {"schema": {"type": "string"}}, "application/pdf": binary}
    description = "The picture, or the data of the plot as JSON."
    return {200: {"model": model, "description": description, "content": pictures, "headers": FILE_NAME}}


class PlotResponse(Response):
    """Response with a plot in the requested format."""

    def __init__(self, plot: bytes, options: PlotOptions, headers: dict[str, str] | None = None) -> None:
        super().__init__(plot, headers=headers, media_type=options.file_format.representation.media_type)
