"""How a picture is to look: what every route that answers with one takes in its query."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

from fastapi import Depends, Query, Response


class FileFormat(StrEnum):
    """The formats of a picture's file."""

    PNG = "png"
    SVG = "svg"
    PDF = "pdf"

    @property
    def media_type(self) -> str:
        """What HTTP calls it."""
        return {FileFormat.PNG: "image/png", FileFormat.SVG: "image/svg+xml", FileFormat.PDF: "application/pdf"}[self]


class ThemeName(StrEnum):
    """Ink on paper, or on a dark ground."""

    LIGHT = "light"
    DARK = "dark"


@dataclass(frozen=True)
class Options:
    """How a picture is to look. What a picture has no use for changes nothing in it.

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


PLAIN = Options()
Inches = Annotated[float | None, Query(ge=2, le=12, allow_inf_nan=False)]


async def _options(
    *,
    file_format: Annotated[FileFormat, Query(alias="format", description="Of the file.")] = FileFormat.PNG,
    width: Annotated[Inches, Query(description="In inches; by default what the picture needs.")] = None,
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
) -> Options:
    return Options(file_format, width, height, dpi, theme, log, samples)


# How the picture is to look, by the query; every route that answers with a picture takes the same.
OptionsDep = Annotated[Options, Depends(_options)]

# The `responses` of a route that answers with one.
PICTURE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The picture.",
        "content": {
            "image/png": {"schema": {"type": "string", "format": "binary"}},
            "image/svg+xml": {"schema": {"type": "string"}},
            "application/pdf": {"schema": {"type": "string", "format": "binary"}},
        },
    }
}


class PictureResponse(Response):
    """A picture, in the format that was asked for."""

    def __init__(self, picture: bytes, options: Options, headers: dict[str, str] | None = None) -> None:
        super().__init__(picture, headers=headers, media_type=options.file_format.media_type)
