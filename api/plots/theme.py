"""Colours: safe for readers who do not tell hues apart, because lightness and markers differ with them."""

from matplotlib.colors import LinearSegmentedColormap, to_hex
from pydantic import BaseModel, ConfigDict, Field

from api.plots.options import ThemeName

StyleName = str
TRAINING, VALIDATION, CLEAN = "training", "validation", "clean"


class LineStyle(BaseModel):
    """The look of a curve."""

    model_config = ConfigDict(frozen=True)

    colour: str = Field(description="Hexadecimal RGB.", examples=["#54278f"])
    marker: str = Field(
        description="As Matplotlib names it: o is a circle, s a square; empty for none.", examples=["o"]
    )
    dashes: str = Field(default="-", description="- for a solid line, -- for a dashed one.", examples=["-"])


class Theme(BaseModel):
    """The colours of a plot."""

    model_config = ConfigDict(frozen=True)

    paper: str = Field(description="The background.", examples=["#ffffff"])
    ink: str = Field(description="Titles, labels and axes.", examples=["#000000"])
    faint_ink: str = Field(description="Small print.", examples=["#595959"])
    rule: str = Field(description="The grid.", examples=["#e0e0e0"])
    styles: dict[StyleName, LineStyle] = Field(
        description="The curve of the training images, of the validation images, of what has no noise, and those of "
        "several sweeps, sweep-1 to sweep-8."
    )
    ramp: tuple[str, ...] = Field(description="From the first to the last of several scales.", exclude=True)

    def ramp_colours(self, count: int) -> tuple[str, ...]:
        """Return a colour for each of several scales in their order."""
        colours = LinearSegmentedColormap.from_list("ramp", self.ramp)
        return tuple(to_hex(colours(position / max(1, count - 1))) for position in range(count))


def sweep_style(index: int) -> StyleName:
    """Return the line style of one of several sweeps, counted from 0."""
    return f"sweep-{index + 1}"


_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
# Okabe and Ito 2008, "Color Universal Design", with grey for its yellow, which fades on white; ink is the eighth.
_OKABE_ITO = ("#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9", "#8c8c8c")


def _styles(training: str, validation: str, ink: str) -> dict[StyleName, LineStyle]:
    several = zip((*_OKABE_ITO, ink), _MARKERS, strict=True)
    return {
        TRAINING: LineStyle(colour=training, marker="o"),
        VALIDATION: LineStyle(colour=validation, marker="s"),
        CLEAN: LineStyle(colour="#8c8c8c", marker="", dashes="--"),
        **{
            sweep_style(index): LineStyle(colour=colour, marker=marker)
            for index, (colour, marker) in enumerate(several)
        },
    }


# Purple and green, as in the notebook. The ramps are from viridis, without its yellow end, which fades on white.
THEMES = {
    ThemeName.LIGHT: Theme(
        paper="#ffffff",
        ink="#000000",
        faint_ink="#595959",
        rule="#e0e0e0",
        styles=_styles("#54278f", "#41ab5d", "#000000"),
        ramp=("#440154", "#3b528b", "#21918c", "#5ec962"),
    ),
    ThemeName.DARK: Theme(
        paper="#15181c",
        ink="#eeeeee",
        faint_ink="#a6a6a6",
        rule="#33383e",
        styles=_styles("#9e7ad6", "#a1dba6", "#eeeeee"),
        ramp=("#7e6bc4", "#5aa0d6", "#45c7a8", "#d8e35c"),
    ),
}
