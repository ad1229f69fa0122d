"""What all pictures share: the figure they are drawn on and the PNG that it becomes."""

import io
from collections.abc import Callable, Hashable
from functools import lru_cache
from threading import Lock
from typing import Any, TypeVar

import numpy as np
from fastapi import Response
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

# Purple and green, as in the notebook; these two differ in lightness too, for readers who do not tell the hues apart.
TRAINING: dict[str, Any] = {"color": "#54278f", "marker": "o", "markersize": 5}
VALIDATION: dict[str, Any] = {"color": "#41ab5d", "marker": "s", "markersize": 5}
GREY = "#595959"
DPI = 150
# The octree rounds down, and paper would be of a grey that a printer sees.
OCTREE_WHITE = 254
# Pictures of some 20 kB.
KEPT = 64

Data = TypeVar("Data", bound=Hashable)

# Matplotlib's caches of fonts and text layouts are shared, and not made for threads.
_drawing = Lock()


class PngResponse(Response):
    """A picture."""

    media_type = "image/png"


# The `responses` of a route that answers with one.
PNG: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The picture.",
        "content": {"image/png": {"schema": {"type": "string", "format": "binary"}}},
    }
}


def render(draw: Callable[[Figure, Data], None], data: Data, width: float, height: float) -> bytes:
    """The PNG of what `draw` makes of the data on a figure of that many inches, at 150 pixels an inch.

    The last ones are kept: a class that looks at one sweep has it drawn once.
    """
    with _drawing:
        return _rendered(draw, data, width, height)


@lru_cache(maxsize=KEPT)
def _rendered(draw: Callable[[Figure, Data], None], data: Data, width: float, height: float) -> bytes:
    figure = Figure(figsize=(width, height), dpi=DPI)
    # Margins that fit every picture here; to have them computed takes a third of the time.
    left, right, bottom, top = 0.75 / width, 1 - 0.2 / width, 0.85 / height, 1 - 0.5 / height
    figure.subplots_adjust(left, bottom, right, top, wspace=0.25)
    draw(figure, data)
    return _encoded(figure)


def _encoded(figure: Figure) -> bytes:
    """The figure as a PNG of at most 256 colours: a third of the size in half the time, and no eye tells it."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    pixels = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")  # type: ignore[no-untyped-call]
    picture = pixels.quantize(method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    palette = [255 if value == OCTREE_WHITE else value for value in picture.getpalette() or []]
    picture.putpalette(palette)
    png = io.BytesIO()
    picture.save(png, "png", dpi=(DPI, DPI))
    return png.getvalue()


def describe(figure: Figure, caption: str) -> None:
    """Small print below the axes: what was trained, and where to find it again."""
    figure.supxlabel(caption, fontsize="small", color=GREY)


def axes_of_fraction(axes: Axes) -> None:
    """A y axis for a fraction: the whole of [0, 1], whatever the data, so that two pictures compare."""
    axes.set_ylim(-0.02, 1.02)
    axes.set_yticks([0, 0.2, 0.4, 0.6, 0.8, 1])


def style(axes: Axes) -> None:
    """A light grid behind the data, and no box around it."""
    axes.grid(color="#e0e0e0", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
