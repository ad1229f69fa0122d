"""Colour themes. Curves also differ in lightness or marker, for readers with colour vision deficiency."""

from matplotlib import colormaps
from matplotlib.colors import LinearSegmentedColormap, to_hex
from pydantic import BaseModel, ConfigDict, Field

from api.plots.options import ThemeName

StyleName = str
TRAINING, VALIDATION, CLEAN, LIMIT, CHANCE = "training", "validation", "clean", "limit", "chance"
BEST, KEPT, HALF_WAY = "best", "kept", "half-way"
MEMBER, MEAN = "member", "mean"


class LineStyle(BaseModel):
    """Line style of a curve."""

    model_config = ConfigDict(frozen=True)

    colour: str = Field(description="Hexadecimal RGB.", examples=["#54278f"])
    marker: str = Field(
        description="Matplotlib marker: o is a circle, s a square, an empty string is no marker.", examples=["o"]
    )
    dashes: str = Field(
        default="-", description="Matplotlib line style: - is solid, -- is dashed, : is dotted.", examples=["-"]
    )
    thin: bool = Field(default=False, description="Whether the line is thin and faint, because it is one of many.")
    shaded: bool = Field(default=False, description="Whether an area has this colour, instead of a line.")


class CellStyle(BaseModel):
    """Colours of a cell of a heatmap."""

    model_config = ConfigDict(frozen=True)

    fill: str = Field(description="Background colour.", examples=["#00224e"])
    ink: str = Field(description="Text colour that is legible on it.", examples=["#ffffff"])


class Theme(BaseModel):
    """Colours of a plot."""

    model_config = ConfigDict(frozen=True)

    paper: str = Field(description="Background colour.", examples=["#ffffff"])
    ink: str = Field(description="Colour of titles, labels and axes.", examples=["#000000"])
    faint_ink: str = Field(description="Colour of small text.", examples=["#595959"])
    rule: str = Field(description="Colour of grid lines.", examples=["#e0e0e0"])
    styles: dict[StyleName, LineStyle] = Field(
        description="Line styles by name: training, validation, clean (without noise), limit (best possible), "
        "chance, best (smallest loss), kept (epoch that is reported), "
        "half-way (half-way scale), member and mean (each sweep of a class, and "
        "all of them), and sweep-1 to sweep-8 for plots of several sweeps."
    )
    heatmap: tuple[CellStyle, ...] = Field(
        description="Styles of the cells of a heatmap, in equal steps of their fractions from 0 to 1."
    )
    ramp: tuple[str, ...] = Field(description="Colour gradient over ascending noise scales.", exclude=True)

    def cell(self, fraction: float) -> CellStyle:
        """Return the style of a cell of a fraction in [0, 1]."""
        return self.heatmap[min(int(fraction * len(self.heatmap)), len(self.heatmap) - 1)]

    def ramp_colours(self, count: int) -> tuple[str, ...]:
        """Return `count` colours along the gradient."""
        colours = LinearSegmentedColormap.from_list("ramp", self.ramp)
        return tuple(to_hex(colours(position / max(1, count - 1))) for position in range(count))


def sweep_style(index: int) -> StyleName:
    """Return the name of the line style of the sweep at an index from 0 to 7."""
    return f"sweep-{index + 1}"


_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
# Okabe and Ito 2008, "Color Universal Design". Grey replaces its yellow, which is too light on white. The eighth
# colour is the ink.
_OKABE_ITO = ("#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9", "#8c8c8c")


def _styles(training: str, validation: str, member: str, mean: str, ink: str) -> dict[StyleName, LineStyle]:
    several = zip((*_OKABE_ITO, ink), _MARKERS, strict=True)
    return {
        TRAINING: LineStyle(colour=training, marker="o"),
        VALIDATION: LineStyle(colour=validation, marker="s"),
        CLEAN: LineStyle(colour="#8c8c8c", marker="", dashes="--"),
        LIMIT: LineStyle(colour="#8c8c8c", marker="", shaded=True),
        BEST: LineStyle(colour=ink, marker="x", dashes="none"),
        KEPT: LineStyle(colour=ink, marker="*", dashes="none"),
        HALF_WAY: LineStyle(colour=ink, marker="D", dashes="none"),
        CHANCE: LineStyle(colour="#8c8c8c", marker="", dashes=":"),
        MEMBER: LineStyle(colour=member, marker="o", thin=True),
        MEAN: LineStyle(colour=mean, marker="o"),
        **{
            sweep_style(index): LineStyle(colour=colour, marker=marker)
            for index, (colour, marker) in enumerate(several)
        },
    }


def _heatmap() -> tuple[CellStyle, ...]:
    colours = colormaps["cividis"]
    middles = [(step + 0.5) / HEATMAP_STEPS for step in range(HEATMAP_STEPS)]
    return tuple(
        CellStyle(fill=to_hex(colours(middle)), ink="#000000" if middle > LIGHT_ABOVE else "#ffffff")
        for middle in middles
    )


# Steps of 5 points, as on the colour scale beside a heatmap.
HEATMAP_STEPS = 20
# Above this fraction, the colours are light and need dark text.
LIGHT_ABOVE = 0.45
# Nuñez, Anderton and Renslow 2018: lightness increases evenly, so it is readable with colour vision deficiency.
HEATMAP = _heatmap()

# Purple and green are the notebook's colours. The ramps are viridis without its yellow end, too light on white.
THEMES = {
    ThemeName.LIGHT: Theme(
        paper="#ffffff",
        ink="#000000",
        faint_ink="#595959",
        rule="#e0e0e0",
        styles=_styles("#54278f", "#41ab5d", "#0072b2", "#d55e00", "#000000"),
        heatmap=HEATMAP,
        ramp=("#440154", "#3b528b", "#21918c", "#5ec962"),
    ),
    ThemeName.DARK: Theme(
        paper="#15181c",
        ink="#eeeeee",
        faint_ink="#a6a6a6",
        rule="#33383e",
        styles=_styles("#9e7ad6", "#a1dba6", "#56b4e9", "#e69f00", "#eeeeee"),
        heatmap=HEATMAP,
        ramp=("#7e6bc4", "#5aa0d6", "#45c7a8", "#d8e35c"),
    ),
}
