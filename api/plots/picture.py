"""Rendering of plots to PNG, SVG, PDF or JSON."""

import io
import warnings
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

import matplotlib as mpl
import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from api.plots.caption import Caption
from api.plots.curves import draw_curves
from api.plots.data import Plot, PlotData
from api.plots.fonts import find_fonts
from api.plots.heatmap import draw_heatmap
from api.plots.layout import CHARACTER_WIDTH, FONT_POINTS, POINTS_PER_INCH, SHRINK_FACTOR, Layout, NotEnoughSpaceError
from api.plots.options import DEFAULT_OPTIONS, FileFormat, PlotOptions
from api.plots.theme import THEMES
from noisesweep import __version__

BOXES_NOTE = "Boxes stand for characters that no font of the service has."
PROGRAM = f"noisesweep {__version__}"
STYLE: dict[Any, Any] = {
    # At 150 dpi, text without hinting looks better and renders twice as fast.
    "text.hinting": "none",
    # SVG ids are random without a salt, so equal pictures would have different bytes.
    "svg.hashsalt": "noisesweep",
    # A sweep's name is plain text, even if it contains $.
    "text.parse_math": False,
    # Text in SVG stays text: it can be searched, and the viewer's fonts draw it.
    "svg.fonttype": "none",
    # TrueType fonts: the text can be searched, and printers accept it.
    "pdf.fonttype": 42,
    "hatch.linewidth": 0.6,
}
# Matplotlib's global settings and font caches are not thread-safe. Waiting for this one thread blocks no other thread.
drawing_thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="drawing")
# The data of plots does not wait for pictures. It uses Matplotlib only to find round numbers.
plot_data_thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="plot-data")


class Drawable(Protocol):
    """Data of a picture."""

    @property
    def caption(self) -> Caption: ...  # noqa: D102

    @property
    def size(self) -> tuple[float, float]: ...  # noqa: D102

    @property
    def names(self) -> Iterable[str]:
        """Return the texts of the picture that other people wrote."""
        ...


Data = TypeVar("Data", bound=Drawable)


def draw(data: PlotData, options: PlotOptions = DEFAULT_OPTIONS) -> bytes:
    """Return the picture of a plot; by default a PNG with 150 dpi."""
    return render(_draw_plot, data, options)


def encode(data: PlotData, options: PlotOptions) -> bytes:
    """Return a plot in the requested format: a picture, or its data as JSON."""
    if options.file_format is not FileFormat.JSON:
        return draw(data, options)
    theme, width = THEMES[options.theme], options.width or data.size[0]
    characters = width * POINTS_PER_INCH / FONT_POINTS / CHARACTER_WIDTH
    plot = Plot(
        **{name: getattr(data, name) for name in PlotData.model_fields if name != "panels"},
        panels=tuple(panel.with_ticks(characters) for panel in data.panels),
        theme=theme,
        panel_colours=theme.ramp_colours(len(data.panels)),
    )
    return plot.model_dump_json().encode()


def _draw_plot(layout: Layout, data: PlotData) -> None:
    if not data.panels:
        layout.write_centred(data.remark or "")
    elif data.panels[0].cells:
        draw_heatmap(layout, data)
    else:
        draw_curves(layout, data)


def render(draw: Callable[[Layout, Data], None], data: Data, options: PlotOptions) -> bytes:
    """Draw data with `draw` and return the encoded picture. The data gives the default size.

    Equal arguments give equal bytes.
    """
    size = (options.width or data.size[0], options.height or data.size[1])
    shrink = 1.0
    with mpl.rc_context(STYLE), warnings.catch_warnings():
        fonts, caption = find_fonts(data.names), data.caption
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        if fonts.missing and options.file_format is not FileFormat.SVG:
            caption = caption.model_copy(update={"notes": (*caption.notes, BOXES_NOTE)})
        while True:
            layout = Layout(size, options.dpi, THEMES[options.theme], caption, families=fonts.families, shrink=shrink)
            try:
                draw(layout, data)
            except NotEnoughSpaceError:
                shrink *= SHRINK_FACTOR
            else:
                return _ENCODERS[options.file_format](layout, caption)


def _png(layout: Layout, caption: Caption) -> bytes:
    """Return a PNG with at most 256 colours. It looks like true colour, but is smaller and faster to encode."""
    layout.canvas.draw()  # type: ignore[no-untyped-call]
    pixels = Image.fromarray(np.asarray(layout.canvas.buffer_rgba())).convert("RGB")  # type: ignore[no-untyped-call]
    picture = pixels.quantize(method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    # The octree rounds colours, which would turn a white background grey in print. The first pixel is background.
    palette, background = np.array(picture.getpalette(), np.uint8).reshape(-1, 3), np.asarray(picture)[0, 0]
    palette[background] = np.asarray(pixels)[0, 0]
    picture.putpalette(palette.tobytes())
    metadata = PngInfo()
    for keyword, text in {
        "Title": caption.title,
        "Description": _description(caption),
        "Source": caption.source,
        "Comment": caption.config,
        "Software": PROGRAM,
    }.items():
        metadata.add_itxt(keyword, text)
    png, dpi = io.BytesIO(), layout.figure.dpi
    picture.save(png, "png", dpi=(dpi, dpi), pnginfo=metadata)
    return png.getvalue()


def _svg(layout: Layout, caption: Caption) -> bytes:
    metadata = {
        "Title": caption.title,
        "Description": f"{_description(caption)} {caption.config}",
        "Source": caption.source,
        "Creator": PROGRAM,
        "Date": None,
    }
    return _save(layout, "svg", metadata)


def _pdf(layout: Layout, caption: Caption) -> bytes:
    metadata = {
        "Title": caption.title,
        "Subject": f"{_description(caption)} {caption.config}",
        "Keywords": caption.source,
        "Creator": PROGRAM,
        "CreationDate": None,
    }
    return _save(layout, "pdf", metadata)


def _save(layout: Layout, file_format: str, metadata: dict[str, str | None]) -> bytes:
    file = io.BytesIO()
    layout.figure.savefig(file, format=file_format, metadata=metadata)
    return file.getvalue()


def _description(caption: Caption) -> str:
    return ". ".join([caption.subtitle, *caption.warnings, caption.settings, *caption.notes])


_ENCODERS: dict[FileFormat, Callable[[Layout, Caption], bytes]] = {
    FileFormat.PNG: _png,
    FileFormat.SVG: _svg,
    FileFormat.PDF: _pdf,
}
