"""From data to the bytes of a picture's file."""

import asyncio
import io
import warnings
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

import matplotlib as mpl
import numpy as np
from cachetools import LRUCache, cached
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from api.plots.caption import Caption
from api.plots.curves import draw_curves
from api.plots.data import Plot, PlotData
from api.plots.heatmap import draw_cells
from api.plots.layout import CHARACTER, POINTS_PER_INCH, SHRINKING, TYPE_POINTS, Layout, TooTightError
from api.plots.options import PLAIN, FileFormat, PlotOptions
from api.plots.theme import THEMES
from noisesweep import __version__

PROGRAM = f"noisesweep {__version__}"
CACHED_PICTURES, CACHED_BYTES = 64, 16_000_000
STYLE: dict[Any, Any] = {
    # At 150 pixels an inch, type that is not fitted to the pixels looks the better, in half of the time.
    "text.hinting": "none",
    # Without a salt an SVG's ids are random, and equal pictures have different bytes.
    "svg.hashsalt": "noisesweep",
    # A sweep's name is no formula, whatever is in it.
    "text.parse_math": False,
    # Type that can be searched, and that printers take.
    "pdf.fonttype": 42,
    "hatch.linewidth": 0.6,
}
# Matplotlib's settings and its caches of fonts and of type are shared, and not made for threads. Those that wait for
# the one thread keep no other thread waiting.
_one_at_a_time = ThreadPoolExecutor(max_workers=1, thread_name_prefix="drawing")
Result = TypeVar("Result")


async def in_turn(work: Callable[[], Result]) -> Result:
    """Do CPU-heavy work, such as drawing, in a thread. One such work runs at a time in this process."""
    return await asyncio.get_running_loop().run_in_executor(_one_at_a_time, work)


class Drawable(Protocol):
    """Data that can be drawn and whose picture can be cached."""

    @property
    def caption(self) -> Caption: ...  # noqa: D102

    @property
    def size(self) -> tuple[float, float]: ...  # noqa: D102

    def __hash__(self) -> int: ...


Data = TypeVar("Data", bound=Drawable)


def draw(data: PlotData, options: PlotOptions = PLAIN) -> bytes:
    """Return the picture of a plot, by default a PNG of 150 pixels an inch."""
    return render(_draw_plot, data, options)


def answer(data: PlotData, options: PlotOptions) -> bytes:
    """Return a plot in the format that the options name: a picture, or its data as JSON."""
    if options.file_format is not FileFormat.JSON:
        return draw(data, options)
    theme, width = THEMES[options.theme], options.width or data.size[0]
    characters = width * POINTS_PER_INCH / TYPE_POINTS / CHARACTER
    plot = Plot(
        **{name: getattr(data, name) for name in PlotData.model_fields if name != "panels"},
        panels=tuple(panel.fitted(characters) for panel in data.panels),
        theme=theme,
        panel_colours=theme.ramp_colours(len(data.panels)),
    )
    return plot.model_dump_json().encode()


def _draw_plot(layout: Layout, data: PlotData) -> None:
    if not data.panels:
        layout.remark(data.remark or "")
    elif data.panels[0].cells:
        draw_cells(layout, data)
    else:
        draw_curves(layout, data)


def _cost(picture: bytes) -> int:
    """Return what a cached picture counts for, so that a limit of bytes is one of entries too."""
    return max(len(picture), CACHED_BYTES // CACHED_PICTURES)


def _key(draw: Callable[[Layout, Any], None], data: Hashable, options: PlotOptions) -> Hashable:
    return draw, data, options


@cached(LRUCache(CACHED_BYTES, getsizeof=_cost), key=_key)
def render(draw: Callable[[Layout, Data], None], data: Data, options: PlotOptions) -> bytes:
    """Return the file that `draw` makes of the data in a layout, in the data's size unless the options have another.

    Equal arguments give equal bytes. The last pictures are cached: a class that looks at one sweep has it drawn once.
    """
    size = (options.width or data.size[0], options.height or data.size[1])
    shrunk = 1.0
    with mpl.rc_context(STYLE), warnings.catch_warnings():
        # A name may be in a script that the type lacks: it is drawn as boxes.
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        while True:
            layout = Layout(size, options.dpi, THEMES[options.theme], data.caption, shrunk=shrunk)
            try:
                draw(layout, data)
            except TooTightError:
                shrunk *= SHRINKING
            else:
                return _ENCODED[options.file_format](layout, data.caption)


def _png(layout: Layout, caption: Caption) -> bytes:
    """Return a PNG of at most 256 colours: a third of the size in half the time, and no eye tells it."""
    layout.canvas.draw()  # type: ignore[no-untyped-call]
    pixels = Image.fromarray(np.asarray(layout.canvas.buffer_rgba())).convert("RGB")  # type: ignore[no-untyped-call]
    picture = pixels.quantize(method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    # The octree rounds, and paper would be of a grey that a printer sees. The first pixel is paper.
    palette, paper = np.array(picture.getpalette(), np.uint8).reshape(-1, 3), np.asarray(picture)[0, 0]
    palette[paper] = np.asarray(pixels)[0, 0]
    picture.putpalette(palette.tobytes())
    words = PngInfo()
    for keyword, text in {
        "Title": caption.title,
        "Description": _description(caption),
        "Source": caption.source,
        "Comment": caption.config,
        "Software": PROGRAM,
    }.items():
        words.add_itxt(keyword, text)
    png, dpi = io.BytesIO(), layout.figure.dpi
    picture.save(png, "png", dpi=(dpi, dpi), pnginfo=words)
    return png.getvalue()


def _svg(layout: Layout, caption: Caption) -> bytes:
    metadata = {
        "Title": caption.title,
        "Description": f"{_description(caption)} {caption.config}",
        "Source": caption.source,
        "Creator": PROGRAM,
        "Date": None,
    }
    return _saved(layout, "svg", metadata)


def _pdf(layout: Layout, caption: Caption) -> bytes:
    metadata = {
        "Title": caption.title,
        "Subject": f"{_description(caption)} {caption.config}",
        "Keywords": caption.source,
        "Creator": PROGRAM,
        "CreationDate": None,
    }
    return _saved(layout, "pdf", metadata)


def _saved(layout: Layout, file_format: str, metadata: dict[str, str | None]) -> bytes:
    file = io.BytesIO()
    layout.figure.savefig(file, format=file_format, metadata=metadata)
    return file.getvalue()


def _description(caption: Caption) -> str:
    return ". ".join([caption.subtitle, caption.settings, *caption.notes])


_ENCODED: dict[FileFormat, Callable[[Layout, Caption], bytes]] = {
    FileFormat.PNG: _png,
    FileFormat.SVG: _svg,
    FileFormat.PDF: _pdf,
}
