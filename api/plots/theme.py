"""Colours: safe for readers who do not tell hues apart, because lightness and markers differ with them."""

from dataclasses import dataclass
from typing import NamedTuple

from api.plots.options import ThemeName


class Look(NamedTuple):
    """How a curve looks."""

    colour: str
    marker: str
    dashes: str = "-"


@dataclass(frozen=True)
class Theme:
    """The colours of a picture.

    Attributes:
        paper: The ground.
        ink: Titles, labels and axes.
        faint_ink: Small print.
        rule: The grid.
        training: The curve of the training images.
        validation: The curve of the validation images.
        clean: The curve of what has no noise, beside others.
        several: Curves that stand for as many sweeps.
    """

    paper: str
    ink: str
    faint_ink: str
    rule: str
    training: Look
    validation: Look
    clean: Look
    several: tuple[Look, ...]


_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
# Okabe and Ito 2008, "Color Universal Design", with grey for its yellow, which fades on white; ink is the eighth.
_OKABE_ITO = ("#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9", "#8c8c8c")


def _several(ink: str) -> tuple[Look, ...]:
    return tuple(Look(colour, marker) for colour, marker in zip((*_OKABE_ITO, ink), _MARKERS, strict=True))


# Purple and green, as in the notebook.
THEMES = {
    ThemeName.LIGHT: Theme(
        paper="#ffffff",
        ink="#000000",
        faint_ink="#595959",
        rule="#e0e0e0",
        training=Look("#54278f", "o"),
        validation=Look("#41ab5d", "s"),
        clean=Look("#8c8c8c", "", "--"),
        several=_several("#000000"),
    ),
    ThemeName.DARK: Theme(
        paper="#15181c",
        ink="#eeeeee",
        faint_ink="#a6a6a6",
        rule="#33383e",
        training=Look("#9e7ad6", "o"),
        validation=Look("#a1dba6", "s"),
        clean=Look("#8c8c8c", "", "--"),
        several=_several("#eeeeee"),
    ),
}
