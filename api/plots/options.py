"""Options of plots: the query parameters of every route that answers with one."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

from fastapi import Depends, Query, Response
from pydantic import BaseModel


class FileFormat(StrEnum):
    """The formats of a plot: those of a picture's file, and JSON for its data."""

    PNG = "png"
    SVG = "svg"
    PDF = "pdf"
    JSON = "json"

    @property
    def media_type(self) -> str:
        """Return the media type."""
        return {
            FileFormat.PNG: "image/png",
            FileFormat.SVG: "image/svg+xml",
            FileFormat.PDF: "application/pdf",
            FileFormat.JSON: "application/json",
        }[self]


class ThemeName(StrEnum):
    """Ink on paper, or on a dark ground."""

    LIGHT = "light"
    DARK = "dark"


@dataclass(frozen=True)
class PlotOptions:
    """Options of a picture. A kind of plot ignores options that do not apply to it.

    Attributes:
        file_format: The format of its file.
        width: In inches; None for what its kind needs.
        height: Likewise.
        dpi: Pixels an inch; of SVG and PDF, those of the images within.
        theme: Light or dark.
        log: Whether an axis of scales is logarithmic.
        samples: Whether a strip under an axis of scales shows what each scale does to an image.
    """

    file_format: FileFormat = FileFormat.PNG
    width: float | None = None
    height: float | None = None
    dpi: int = 150
    theme: ThemeName = ThemeName.LIGHT
    log: bool = False
    samples: bool = False


PLAIN = PlotOptions()
Inches = Annotated[float | None, Query(ge=2, le=12, allow_inf_nan=False)]


async def _options(
    *,
    file_format: Annotated[
        FileFormat, Query(alias="format", description="Of a picture's file, or json for the data.")
    ] = FileFormat.PNG,
    width: Annotated[
        Inches,
        Query(description="In inches; by default what the picture needs. JSON has ticks for panels of this width."),
    ] = None,
    height: Annotated[Inches, Query(description="In inches; by default what the picture needs.")] = None,
    dpi: Annotated[
        int, Query(ge=50, le=300, description="Pixels an inch; of SVG and PDF, those of the images within.")
    ] = 150,
    theme: Annotated[ThemeName, Query(description="For light or for dark ground.")] = ThemeName.LIGHT,
    log: Annotated[
        bool,
        Query(
            description="A logarithmic axis of scales, scale 0 apart from it; no matter where there is no such axis."
        ),
    ] = False,
    samples: Annotated[
        bool,
        Query(
            description="A strip under the axis of scales that shows what each scale does to an image; no matter where "
            "there is no such axis."
        ),
    ] = False,
) -> PlotOptions:
    return PlotOptions(file_format, width, height, dpi, theme, log, samples)


# How the picture is to look, by the query; every route that answers with a picture takes the same.
OptionsDep = Annotated[PlotOptions, Depends(_options)]


def plot_responses(model: type[BaseModel]) -> dict[int | str, dict[str, Any]]:
    """Return the `responses` of a route that answers with a plot, whose data as JSON is such a model."""
    binary = {"schema": {"type": "string", "format": "binary"}}
    pictures = {"image/png": binary, "image/svg+xml": {"schema": {"type": "string"}}, "application/pdf": binary}
    return {200: {"model": model, "description": "The picture, or its data.", "content": pictures}}


class PlotResponse(Response):
    """A plot, in the format that was asked for."""

    def __init__(self, plot: bytes, options: PlotOptions, headers: dict[str, str] | None = None) -> None:
        super().__init__(plot, headers=headers, media_type=options.file_format.media_type)
