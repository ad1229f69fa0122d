"""What noise looks like: chosen images clean, noisy, and the noise alone, for several scales."""

import json
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from api.plots.box import Box
from api.plots.caption import Imprint
from api.plots.layout import SMALL, Sheet
from api.plots.options import PLAIN, Options
from api.plots.picture import ByValue, render
from api.science.noise_preview import noisy_images, statistics
from shared.datasets import DatasetName

MOST_INCHES = 12.0
CELL = 0.85
# For the words at the left of the rows, in em.
LEFT = 10.5


@dataclass(frozen=True, eq=False)
class NoisePicture(ByValue):
    """What is drawn.

    Attributes:
        dataset: Where the images are from.
        indices: Their places in it, n of them.
        labels: What each shows.
        scales: Standard deviations of the noise, in the unit of `pixel_range`.
        clean: float32, shape (n, 28, 28), in [0, 1].
        noise: float32, shape (n, 28, 28), standard normal.
        clip: Whether noisy pixels are clipped to the range.
        pixel_range: What white is, 1 or 255.
        caption: Whose noise it is.
    """

    dataset: DatasetName
    indices: tuple[int, ...]
    labels: tuple[str, ...]
    scales: tuple[float, ...]
    clean: NDArray[np.float32]
    noise: NDArray[np.float32]
    clip: bool
    pixel_range: float
    caption: str

    @property
    def imprint(self) -> Imprint:
        """The picture's words."""
        white = f"{self.pixel_range:g}"
        noisy = f"Images: black is 0 or less, white {white} or more."
        alone = f"Noise alone: black is -{white} or less, grey 0, white {white} or more."
        return Imprint(
            title="Images With Noise, and the Noise Alone",
            subtitle=f"scales in units of a pixel range of [0, {white}]" + (", clipped to it" if self.clip else ""),
            notes=(
                f"{noisy} {alone}",
                "SNR: signal-to-noise ratio, mean square of the images to that of the noise.",
            ),
            settings=self.caption,
            source="",
            config=json.dumps(
                {
                    "dataset": self.dataset,
                    "indices": self.indices,
                    "scales": self.scales,
                    "clip": self.clip,
                    "pixel_range": self.pixel_range,
                }
            ),
        )


def draw(data: NoisePicture, options: Options = PLAIN) -> bytes:
    """A column for each image; a row clean, then for each scale one with noise and one of the noise alone."""
    width = max(4.5, 2.0 + CELL * len(data.indices))
    height = max(4.0, 1.9 + CELL * (1 + 2 * len(data.scales)))
    return render(_draw, data, options, min(MOST_INCHES, width), min(MOST_INCHES, height))


def _draw(sheet: Sheet, data: NoisePicture) -> None:
    em, columns, rows = sheet.em, len(data.indices), 1 + 2 * len(data.scales)
    body = sheet.body.inset(left=LEFT * em, top=2.4 * em, bottom=0.4 * em)
    gap = 0.4 * em
    side = min((body.width - (columns - 1) * gap) / columns, (body.height - (rows - 1) * gap) / rows)
    width, height = columns * (side + gap) - gap, rows * (side + gap) - gap
    across = (body.width - width) / 2
    grid = Box(body.left + across, body.top - height, body.left + across + width, body.top)
    boxes = grid.split(columns, rows, gap, gap)
    for box, index, label in zip(boxes, data.indices, data.labels, strict=False):
        middle = (box.left + box.right) / 2
        sheet.text(middle, box.top + 1.3 * em, label, ha="center", va="baseline")
        sheet.text(
            middle,
            box.top + 0.3 * em,
            f"image {index}",
            size=0.7,
            color=sheet.theme.faint_ink,
            ha="center",
            va="baseline",
        )
    for row, (words, pixels, low) in enumerate(_rows(data)):
        in_row = boxes[row * columns : (row + 1) * columns]
        middle = (in_row[0].bottom + in_row[0].top) / 2
        for line, word in enumerate(words):
            place = middle + (0.55 * (len(words) - 1) - 1.1 * line) * em
            sheet.text(in_row[0].left - 0.6 * em, place, word, SMALL, ha="right", va="center")
        for box, image in zip(in_row, pixels, strict=True):
            sheet.panel(box, (-0.5, 27.5), (27.5, -0.5), least_width=4.5).image(image, low, 1)


def _rows(data: NoisePicture) -> list[tuple[tuple[str, ...], NDArray[np.float32], float]]:
    """For each row what it is, its pixels in units of the range, and which value is black; white is 1."""
    rows: list[tuple[tuple[str, ...], NDArray[np.float32], float]] = [(("clean",), data.clean, 0.0)]
    for scale in data.scales:
        relative = scale / data.pixel_range
        ratio = statistics(data.clean, data.noise, scale, int(data.pixel_range)).signal_to_noise_db
        words = (f"scale {scale:g}", *([f"SNR {ratio:.1f} dB"] if ratio is not None else []))
        rows.append((words, noisy_images(data.clean, data.noise, relative, clip=data.clip), 0.0))
        rows.append((("noise alone",), data.noise * np.float32(relative), -1.0))
    return rows
