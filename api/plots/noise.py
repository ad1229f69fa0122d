"""The noise preview: selected images clean, noisy, and the noise alone, for several scales."""

import json
from collections.abc import Hashable
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from api.plots.caption import Caption
from api.plots.data import MOST_INCHES
from api.plots.layout import SMALL, TYPE_POINTS, Layout
from api.plots.options import PLAIN, PlotOptions
from api.plots.picture import render
from api.science.noise_preview import noisy_images, statistics
from shared.datasets import DatasetName

CELL = 0.85
# Between two images, in their pixels.
GAP = 2
# For the words at the left of the rows, in em.
LEFT = 10.5
LEAST_SIDE = 4.5


@dataclass(frozen=True, eq=False)
class NoisePicture:
    """The images of a picture of noise. Pictures of equal values are equal.

    Attributes:
        dataset: Where the images are from.
        indices: Their positions in it, n of them.
        labels: What each shows.
        scales: Standard deviations of the noise, in the unit of `pixel_range`.
        clean: float32, shape (n, 28, 28), in [0, 1].
        noise: float32, shape (n, 28, 28), standard normal.
        clip: Whether noisy pixels are clipped to the range.
        pixel_range: What white is, 1 or 255.
        settings: Whose noise it is.
    """

    dataset: DatasetName
    indices: tuple[int, ...]
    labels: tuple[str, ...]
    scales: tuple[float, ...]
    clean: NDArray[np.float32]
    noise: NDArray[np.float32]
    clip: bool
    pixel_range: float
    settings: str

    @property
    def caption(self) -> Caption:
        """The picture's words."""
        white = f"{self.pixel_range:g}"
        noisy = f"Images: black is 0 or less, white {white} or more."
        alone = f"Noise alone: black is -{white} or less, grey 0, white {white} or more."
        told = ("dataset", "indices", "scales", "clip", "pixel_range")
        return Caption(
            title="Images With Noise, and the Noise Alone",
            subtitle=f"scales in units of a pixel range of [0, {white}]" + (", clipped to it" if self.clip else ""),
            notes=(
                f"{noisy} {alone}",
                "SNR: signal-to-noise ratio, mean square of the images to that of the noise.",
            ),
            settings=self.settings,
            source="",
            config=json.dumps({name: getattr(self, name) for name in told}),
        )

    @property
    def size(self) -> tuple[float, float]:
        """Width and height in inches."""
        width = max(4.5, 2.0 + CELL * len(self.indices))
        height = max(4.0, 1.9 + CELL * (1 + 2 * len(self.scales)))
        return min(MOST_INCHES, width), min(MOST_INCHES, height)

    def _values(self) -> tuple[Hashable, ...]:
        values = (getattr(self, field.name) for field in fields(self))
        return tuple(value.tobytes() if isinstance(value, np.ndarray) else value for value in values)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, NoisePicture) and self._values() == other._values()

    def __hash__(self) -> int:
        return hash(self._values())


def draw(data: NoisePicture, options: PlotOptions = PLAIN) -> bytes:
    """Return a column for each image; a row clean, then for each scale one with noise and one of the noise alone."""
    return render(_draw, data, options)


def _draw(layout: Layout, data: NoisePicture) -> None:
    rows = _rows(data)
    layout.reserve(left=LEFT, top=2.4, bottom=0.4)
    (axes,) = layout.axes(least_width=LEAST_SIDE * len(data.indices), least_height=LEAST_SIDE * len(rows))
    step = data.clean.shape[-1] + GAP
    grid = np.concatenate([np.concatenate(_framed(pixels), axis=1) for _, pixels in rows])[:-GAP, :-GAP]
    axes.imshow(grid, cmap="gray", vmin=0, vmax=1, interpolation="none")
    axes.set_anchor("N")
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    centre = (step - GAP - 1) / 2
    small = SMALL * layout.scale * TYPE_POINTS
    axes.set_yticks([centre + step * row for row in range(len(rows))], [words for words, _ in rows], size=small)
    axes.xaxis.tick_top()
    axes.set_xticks([centre + step * column for column in range(len(data.labels))], data.labels)
    axes.tick_params(axis="x", pad=15 * layout.scale)
    for column, index in enumerate(data.indices):
        axes.annotate(
            f"image {index}",
            (centre + step * column, -0.5),
            xytext=(0, 3 * layout.scale),
            textcoords="offset points",
            size=0.7 * layout.scale * TYPE_POINTS,
            color=layout.theme.faint_ink,
            ha="center",
            va="baseline",
        )


def _framed(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the images with a gap at the right and below, which is not drawn."""
    return np.pad(pixels, ((0, 0), (0, GAP), (0, GAP)), constant_values=np.nan)


def _rows(data: NoisePicture) -> list[tuple[str, NDArray[np.float32]]]:
    """Return for each row what it is, and its pixels, 0 for black and 1 for white."""
    rows: list[tuple[str, NDArray[np.float32]]] = [("clean", data.clean)]
    for scale in data.scales:
        relative = np.float32(scale / data.pixel_range)
        ratio = statistics(data.clean, data.noise, scale, int(data.pixel_range)).signal_to_noise_db
        words = f"scale {scale:g}" + (f"\nSNR {ratio:.1f} dB" if ratio is not None else "")
        rows.append((words, noisy_images(data.clean, data.noise, float(relative), clip=data.clip)))
        rows.append(("noise alone", (data.noise * relative + np.float32(1)) / np.float32(2)))
    return rows
