"""From data to the bytes of a picture's file."""

import io
import warnings
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import fields
from functools import lru_cache
from threading import Lock
from typing import Any, Protocol, TypeVar

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.backends.backend_svg import FigureCanvasSVG
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from api.plots.caption import Imprint
from api.plots.layout import SHRINKING, Sheet, TooTightError
from api.plots.options import FileFormat, Options
from api.plots.theme import THEMES
from noisesweep import __version__

PROGRAM = f"noisesweep {__version__}"
KEPT_PICTURES, KEPT_BYTES = 64, 16_000_000
STYLE: dict[Any, Any] = {
    # At 150 pixels an inch, type that is not fitted to the pixels looks the better, in half of the time.
    "text.hinting": "none",
    # Else an SVG's ids are drawn by lot, and equal pictures have different bytes.
    "svg.hashsalt": "noisesweep",
    # A sweep's name is no formula, whatever is in it.
    "text.parse_math": False,
    # Type that can be searched, and that printers take.
    "pdf.fonttype": 42,
    "hatch.linewidth": 0.6,
}


class Drawable(Protocol):
    """What is to be seen, as data, with its words."""

    @property
    def imprint(self) -> Imprint: ...  # noqa: D102

    def __hash__(self) -> int: ...


Data = TypeVar("Data", bound=Drawable)


class ByValue:
    """A dataclass with arrays that is equal to another if all their values are, so that its picture can be kept."""

    def _values(self) -> tuple[Hashable, ...]:
        values = (getattr(self, field.name) for field in fields(self))  # type: ignore[arg-type] # mixed into dataclasses
        return tuple(value.tobytes() if isinstance(value, np.ndarray) else value for value in values)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and isinstance(other, ByValue) and self._values() == other._values()

    def __hash__(self) -> int:
        return hash(self._values())


class _Pictures:
    """The pictures that were drawn last, so many at most, and as many as fit into so many bytes.

    What they were drawn from is kept with them, and may be larger.
    """

    def __init__(self, most: int, most_bytes: int) -> None:
        self._most, self._most_bytes = most, most_bytes
        self._bytes = 0
        self._pictures: OrderedDict[Hashable, bytes] = OrderedDict()

    def get(self, key: Hashable, draw: Callable[[], bytes]) -> bytes:
        if key in self._pictures:
            self._pictures.move_to_end(key)
            return self._pictures[key]
        picture = self._pictures[key] = draw()
        self._bytes += len(picture)
        while len(self._pictures) > self._most or self._bytes > self._most_bytes:
            _, oldest = self._pictures.popitem(last=False)
            self._bytes -= len(oldest)
        return picture


# Matplotlib's settings and its caches of fonts and of type are shared, and not made for threads.
_drawing = Lock()
_pictures = _Pictures(KEPT_PICTURES, KEPT_BYTES)


def render(draw: Callable[[Sheet, Data], None], data: Data, options: Options, width: float, height: float) -> bytes:
    """The file that `draw` makes of the data on a sheet of that many inches, unless the options have others.

    Equal arguments give equal bytes. The last ones are kept: a class that looks at one sweep has it drawn once.
    """

    def drawn(shrunk: float = 1.0) -> bytes:
        size = (options.width or width, options.height or height)
        sheet = Sheet(*size, options.dpi, THEMES[options.theme], data.imprint, shrunk=shrunk)
        try:
            draw(sheet, data)
        except TooTightError:
            return drawn(shrunk * SHRINKING)
        return _ENCODED[options.file_format](sheet, data.imprint)

    with _drawing, mpl.rc_context(STYLE), warnings.catch_warnings():
        # A name may be in a script that the type lacks: it is drawn as boxes.
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        return _pictures.get((draw, data, options), drawn)


def _png(sheet: Sheet, imprint: Imprint) -> bytes:
    """A PNG of at most 256 colours: a third of the size in half the time, and no eye tells it."""
    renderer = _renderer(*map(int, sheet.figure.bbox.size), sheet.figure.dpi)
    renderer.clear()  # type: ignore[no-untyped-call]
    sheet.figure.draw(renderer)
    pixels = Image.fromarray(np.asarray(renderer.buffer_rgba())).convert("RGB")  # type: ignore[no-untyped-call]
    picture = pixels.quantize(method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    # The octree rounds, and paper would be of a grey that a printer sees. The first pixel is paper.
    palette, paper = np.array(picture.getpalette(), np.uint8).reshape(-1, 3), np.asarray(picture)[0, 0]
    palette[paper] = np.asarray(pixels)[0, 0]
    picture.putpalette(palette.tobytes())
    words = PngInfo()
    for keyword, text in {
        "Title": imprint.title,
        "Description": _description(imprint),
        "Source": imprint.source,
        "Comment": imprint.config,
        "Software": PROGRAM,
    }.items():
        words.add_itxt(keyword, text)
    png = io.BytesIO()
    picture.save(png, "png", dpi=(sheet.figure.dpi, sheet.figure.dpi), pnginfo=words)
    return png.getvalue()


@lru_cache(maxsize=1)
def _renderer(width: int, height: int, dpi: float) -> RendererAgg:
    """What draws pixels. It is kept because it knows the measures of words that it has drawn."""
    return RendererAgg(width, height, dpi)  # type: ignore[no-untyped-call]


def _svg(sheet: Sheet, imprint: Imprint) -> bytes:
    svg = io.BytesIO()
    FigureCanvasSVG(sheet.figure).print_svg(  # type: ignore[no-untyped-call]
        svg,
        metadata={
            "Title": imprint.title,
            "Description": f"{_description(imprint)} {imprint.config}",
            "Source": imprint.source,
            "Creator": PROGRAM,
            "Date": None,
        },
    )
    return svg.getvalue()


def _pdf(sheet: Sheet, imprint: Imprint) -> bytes:
    pdf = io.BytesIO()
    FigureCanvasPdf(sheet.figure).print_pdf(  # type: ignore[no-untyped-call]
        pdf,
        metadata={
            "Title": imprint.title,
            "Subject": f"{_description(imprint)} {imprint.config}",
            "Keywords": imprint.source,
            "Creator": PROGRAM,
            "CreationDate": None,
        },
    )
    return pdf.getvalue()


def _description(imprint: Imprint) -> str:
    return ". ".join([imprint.subtitle, imprint.settings, *imprint.notes])


_ENCODED: dict[FileFormat, Callable[[Sheet, Imprint], bytes]] = {
    FileFormat.PNG: _png,
    FileFormat.SVG: _svg,
    FileFormat.PDF: _pdf,
}
