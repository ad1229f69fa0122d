"""What all pictures share: the figure they are drawn on and the PNG that it becomes."""

import io
from collections.abc import Callable
from threading import Lock
from typing import Any

from fastapi import Response
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Purple and green, as in the notebook; these two differ in lightness too, for readers who do not tell the hues apart.
TRAINING: dict[str, Any] = {"color": "#54278f", "marker": "o", "markersize": 5}
VALIDATION: dict[str, Any] = {"color": "#41ab5d", "marker": "s", "markersize": 5}
GREY = "#595959"
DPI = 150

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


def render(draw: Callable[[Figure], None], width: float, height: float) -> bytes:
    """The PNG of what `draw` puts on a figure of that many inches, at 150 pixels an inch."""
    with _drawing:
        figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained")
        draw(figure)
        png = io.BytesIO()
        figure.savefig(png, format="png")
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
