"""Where things are on a sheet."""

from __future__ import annotations

from typing import NamedTuple


class Box(NamedTuple):
    """A rectangle on the sheet, in inches from its lower left corner."""

    left: float
    bottom: float
    right: float
    top: float

    @property
    def width(self) -> float:
        """In inches."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """In inches."""
        return self.top - self.bottom

    def inset(self, left: float = 0, bottom: float = 0, right: float = 0, top: float = 0) -> Box:
        """What is left within margins."""
        return Box(self.left + left, self.bottom + bottom, self.right - right, self.top - top)

    def square(self) -> Box:
        """The largest square in its middle."""
        side = min(self.width, self.height)
        x, y = (self.width - side) / 2, (self.height - side) / 2
        return self.inset(x, y, x, y)

    def split(self, columns: int, rows: int, across: float, down: float) -> list[Box]:
        """Boxes in rows from the top, so far apart across and down."""
        width = (self.width - across * (columns - 1)) / columns
        height = (self.height - down * (rows - 1)) / rows
        corners = [
            (self.left + column * (width + across), self.top - row * (height + down))
            for row in range(rows)
            for column in range(columns)
        ]
        return [Box(left, top - height, left + width, top) for left, top in corners]
