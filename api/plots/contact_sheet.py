"""Contact sheet of a data set: the first training images of each class."""

from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

from api.plots.caption import Caption
from api.plots.data import MAX_INCHES
from api.plots.layout import FONT_POINTS, SMALL, Layout
from api.plots.options import DEFAULT_OPTIONS, PlotOptions
from api.plots.picture import render
from noisesweep.models import ContactSheet, DatasetInfo, SheetClass
from shared.datasets import Dataset

# Number of images of each class and of columns of classes, up to a number of classes.
LAYOUTS = ((13, 10, 1), (26, 5, 2), (100, 3, 4))
# Gap between two images, in image pixels.
GAP = 2
# Default side of an image, and width of the names in front of a row, in inches.
IMAGE_INCHES, NAME_INCHES = 0.42, 1.3
LONGEST_NAME = 16
# Height of a line of text, in its font size.
LINE_HEIGHT = 1.25


@dataclass(frozen=True)
class SheetPicture:
    """Contact sheet with the pixels of its images: for each class uint8, (n, height, width)."""

    sheet: ContactSheet
    info: DatasetInfo
    images: list[NDArray[np.uint8]]
    columns: int

    @property
    def rows(self) -> int:
        """Return the number of rows of classes."""
        return ceil(len(self.images) / self.columns)

    @property
    def caption(self) -> Caption:
        """Return the caption."""
        info = self.info
        height, width = info.image_shape
        return Caption(
            title=f"The Data Set {info.name}",
            subtitle=f"{info.training_images:,} training and {info.validation_images:,} validation images of "
            f"{height}x{width} pixels in {info.classes} classes",
            notes=("The first training images of each class, and its number of training images.",),
            settings=f"SHA-256 {info.sha256[:16]}...",
            source="",
            config=self.sheet.model_dump_json(),
        )

    @property
    def size(self) -> tuple[float, float]:
        """Return the default width and height in inches."""
        each, (height, width) = max(map(len, self.images)), self.info.image_shape
        across = self.columns * (NAME_INCHES + each * IMAGE_INCHES) + 0.6
        down = 1.5 + self.rows * IMAGE_INCHES * (height + GAP) / (width + GAP)
        return min(MAX_INCHES, max(5.5, across)), min(MAX_INCHES, max(2.4, down))

    @property
    def names(self) -> tuple[str, ...]:
        """Return the class names."""
        return tuple(self.info.class_names)


def of_dataset(info: DatasetInfo, data: Dataset) -> SheetPicture:
    """Return the contact sheet of a data set."""
    _, count, columns = next(layout for layout in LAYOUTS if info.classes <= layout[0])
    first = [np.flatnonzero(data.training_labels == label)[:count] for label in range(info.classes)]
    classes = [
        SheetClass(
            label=label,
            name=name,
            training_images=info.training_counts[label],
            validation_images=info.validation_counts[label],
            indices=first[label].tolist(),
        )
        for label, name in enumerate(info.class_names)
    ]
    images = [data.training_images[indices] for indices in first]
    return SheetPicture(ContactSheet(dataset=info.name, classes=classes), info, images, columns)


def draw(picture: SheetPicture, options: PlotOptions = DEFAULT_OPTIONS) -> bytes:
    """Return the picture."""
    return render(_draw, picture, options)


def _draw(layout: Layout, picture: SheetPicture) -> None:
    layout.reserve(left=1.0, right=1.0, top=0.6, bottom=0.4)
    (axes,) = layout.axes(min_width=20, min_height=10)
    height, width = (side + GAP for side in picture.info.image_shape)
    each = max(map(len, picture.images))
    name_width = round(NAME_INCHES / IMAGE_INCHES * width)
    block = name_width + each * width
    grid = np.full((picture.rows * height, picture.columns * block), np.nan, np.float32)
    names = []
    for label, images in enumerate(picture.images):
        column, row = divmod(label, picture.rows)
        top, left = row * height, column * block + name_width
        for index, image in enumerate(images):
            at = left + index * width
            grid[top : top + height - GAP, at : at + width - GAP] = image
        names.append((left - GAP, top + (height - GAP - 1) / 2, picture.sheet.classes[label]))
    axes.imshow(grid[:-GAP, :-GAP], cmap="gray", vmin=0, vmax=255, interpolation="none")
    axes.set_axis_off()
    axes.set_anchor("N")
    axes.apply_aspect()
    row_em = layout.extent(axes)[1] / picture.rows
    size = min(SMALL, row_em / LINE_HEIGHT) * layout.scale * FONT_POINTS
    for left, centre, of_class in names:
        name = of_class.name if len(of_class.name) <= LONGEST_NAME else f"{of_class.name[: LONGEST_NAME - 1]}…"
        between = "\n" if row_em > 2 * LINE_HEIGHT * SMALL else "  "
        text = f"{name}{between}{of_class.training_images:,}"
        axes.text(left, centre, text, size=size, ha="right", va="center")
