"""Picture of the noise preview: selected images clean, with noise at several scales, and the noise alone."""

import json
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from api.plots.caption import Caption
from api.plots.data import MAX_INCHES
from api.plots.layout import FONT_POINTS, SMALL, Layout
from api.plots.options import DEFAULT_OPTIONS, PlotOptions
from api.plots.picture import render
from api.science.noise_preview import changes, noisy_images, statistics
from noisesweep.models import NoiseKind
from noisesweep.models.float32 import format_number

# Default side of an image, in inches.
IMAGE_INCHES = 0.85
# Gap between two images, in image pixels.
GAP = 2
# Width of the row labels, in em.
LABEL_WIDTH = 10.5
# Minimum side of an image, in em.
MIN_SIDE = 4.5


@dataclass(frozen=True)
class NoisePicture:
    """Data of a noise preview picture.

    Attributes:
        dataset: Name of the data set of the images.
        indices: The n indices of the images.
        labels: The class name of each image.
        levels: Kinds and scales of the noise, the scales in units of `pixel_range`.
        clean: float32, shape (n, height, width), in [0, 1].
        noise: float32, shape (n, height, width), standard normal.
        clip: Whether noisy pixels are clipped to the range.
        pixel_range: The value of white, 1 or 255.
        settings: Text that names the images and the seed.
    """

    dataset: str
    indices: tuple[int, ...]
    labels: tuple[str, ...]
    levels: tuple[tuple[NoiseKind, float], ...]
    clean: NDArray[np.float32]
    noise: NDArray[np.float32]
    clip: bool
    pixel_range: float
    settings: str

    @property
    def kinds(self) -> list[NoiseKind]:
        """Return the kinds of noise."""
        return list(dict.fromkeys(kind for kind, _ in self.levels))

    @property
    def caption(self) -> Caption:
        """Return the caption."""
        white = f"{self.pixel_range:g}"
        noisy = f"Images: black is 0 or less, white is {white} or more."
        alone = f"Noise alone: black is -{white} or less, grey is 0, white is {white} or more."
        names = ("dataset", "indices", "levels", "clip", "pixel_range")
        [kind, *others] = self.kinds
        clipped = ", clipped" if self.clip else ""
        return Caption(
            title="Images With Several Kinds of Noise" if others else "Images With Noise, and the Noise Alone",
            subtitle=f"{'' if others else f'{kind.text} noise, '}pixels from 0 to {white}{clipped}",
            notes=(
                noisy if others else f"{noisy} {alone}",
                "SNR: signal-to-noise ratio, the mean square of the images divided by that of the noise.",
            ),
            settings=self.settings,
            source="",
            config=json.dumps({name: getattr(self, name) for name in names}),
        )

    @property
    def size(self) -> tuple[float, float]:
        """Return the default width and height in inches."""
        width = max(4.5, 2.0 + IMAGE_INCHES * len(self.indices))
        rows = 1 + len(self.levels) * (2 if len(self.kinds) == 1 else 1)
        height = max(4.0, 1.9 + IMAGE_INCHES * rows)
        return min(MAX_INCHES, width), min(MAX_INCHES, height)

    @property
    def names(self) -> tuple[str, ...]:
        """Return the class names of the images."""
        return self.labels


def draw(data: NoisePicture, options: PlotOptions = DEFAULT_OPTIONS) -> bytes:
    """Return the picture: a column per image; a clean row, then the rows of each level."""
    return render(_draw, data, options)


def _draw(layout: Layout, data: NoisePicture) -> None:
    rows = _rows(data)
    layout.reserve(left=LABEL_WIDTH, top=2.4, bottom=0.4)
    (axes,) = layout.axes(min_width=MIN_SIDE * len(data.indices), min_height=MIN_SIDE * len(rows))
    height, width = (side + GAP for side in data.clean.shape[1:])
    grid = np.concatenate([np.concatenate(_add_gaps(pixels), axis=1) for _, pixels in rows])[:-GAP, :-GAP]
    axes.imshow(grid, cmap="gray", vmin=0, vmax=1, interpolation="none")
    axes.set_anchor("N")
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    middle, centre = ((side - GAP - 1) / 2 for side in (height, width))
    small = SMALL * layout.scale * FONT_POINTS
    axes.set_yticks([middle + height * row for row in range(len(rows))], [label for label, _ in rows], size=small)
    axes.xaxis.tick_top()
    axes.set_xticks([centre + width * column for column in range(len(data.labels))], data.labels)
    axes.tick_params(axis="x", pad=15 * layout.scale)
    for column, index in enumerate(data.indices):
        axes.annotate(
            f"image {index}",
            (centre + width * column, -0.5),
            xytext=(0, 3 * layout.scale),
            textcoords="offset points",
            size=0.7 * layout.scale * FONT_POINTS,
            color=layout.theme.faint_ink,
            ha="center",
            va="baseline",
        )


def _add_gaps(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the images with a transparent gap (NaN) on the right and at the bottom."""
    return np.pad(pixels, ((0, 0), (0, GAP), (0, GAP)), constant_values=np.nan)


def _rows(data: NoisePicture) -> list[tuple[str, NDArray[np.float32]]]:
    """Return the label and the pixels of each row; 0 is black, 1 is white."""
    rows: list[tuple[str, NDArray[np.float32]]] = [("clean", data.clean)]
    several = len(data.kinds) > 1
    for kind, scale in data.levels:
        relative = float(np.float32(scale / data.pixel_range))
        ratio = statistics(data.clean, data.noise, scale, int(data.pixel_range), kind).signal_to_noise_db
        label = f"{kind.text} {format_number(scale)}" if several else f"scale {format_number(scale)}"
        label += f"\nSNR {ratio:.1f} dB" if ratio is not None else ""
        rows.append((label, noisy_images(data.clean, data.noise, relative, kind, clip=data.clip)))
        if not several:
            alone = changes(data.clean, data.noise, relative, kind).astype(np.float32)
            rows.append(("noise alone", (alone + np.float32(1)) / np.float32(2)))
    return rows
