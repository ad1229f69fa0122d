"""Drawing of curves."""

from collections.abc import Sequence

from matplotlib.axes import Axes

from api.plots.axes import NUMBER_WIDTH
from api.plots.data import Curve, Marks, Panel, PlotData, Point
from api.plots.layout import POINTS_PER_INCH, SHADE, SMALL, Layout, line, set_ticks
from api.plots.samples import STRIP_HEIGHT, draw_strip, widen
from api.plots.theme import CLEAN, LineStyle, Theme
from noisesweep.models import IntervalTarget

# Height of a label on the y axis, in em.
LABEL_HEIGHT = 1.8
# Size of a mark in the colour of its curve, relative to the markers of the curve.
MARK_STRENGTH = 1.4


def draw_curves(layout: Layout, data: PlotData) -> None:
    """Draw the panels of a plot. Panels with equal axes share their axis labels."""
    panels, columns = data.panels, data.columns
    # Without a point, the remark takes the position of the curves.
    is_empty = bool(data.remark) and not any(curve.points for panel in panels for curve in panel.curves)
    layout.legend({} if is_empty else {name: layout.theme.styles[style] for name, style in data.legend.items()})
    shared = len(panels) > 1 and len({(panel.x_axis, panel.y_axis) for panel in panels}) == 1
    strip = STRIP_HEIGHT if data.samples else 0
    layout.reserve(left=5, bottom=3.6 + strip, top=1.6 if any(panel.title for panel in panels) else 0)
    spaced = {"across": 0.9, "down": 2.2, "min_width": 6.0} if shared else {"across": 5.5}
    # The axes must be at least as high as the longest y label.
    longest = max(len(panel.y_axis.label) for panel in panels if panel.y_axis)
    all_axes = layout.axes(len(panels), columns, min_height=2.5 if shared else 0.56 * longest, **spaced)
    if data.samples and panels[0].x_axis:
        wide = widen(panels[0].x_axis, layout.extent(all_axes[0])[0])
        panels = (panels[0].model_copy(update={"x_axis": wide}), *panels[1:])
    for index, (panel, axes) in enumerate(zip(panels, all_axes, strict=True)):
        is_lowest, is_leftmost = index + columns >= len(panels), index % columns == 0
        _draw_panel(layout, axes, panel, strength=0.8 if shared and columns > 1 else 1.0)
        if shared:
            axes.set_title(panel.title)
            axes.tick_params(labelbottom=is_lowest, labelleft=is_leftmost)
            axes.set(xlabel="", ylabel="")
        if strip:
            axes.xaxis.labelpad += (strip + 0.1) * layout.em * POINTS_PER_INCH
    if shared and panels[0].x_axis and panels[0].y_axis:
        centre, middle = (layout.left + layout.right) / 2, (layout.bottom + layout.top) / 2
        layout.text(centre, layout.bottom - 2.1 * layout.em, panels[0].x_axis.label, ha="center", va="top")
        layout.text(layout.left - 3.4 * layout.em, middle, panels[0].y_axis.label, ha="right", va="center", rotation=90)
    if data.samples and panels[0].x_axis:
        draw_strip(layout, all_axes[0], panels[0].x_axis, data.samples)
    if is_empty:
        layout.write_centred(data.remark or "")
    elif data.remark and not shared:
        left, bottom = layout.left + layout.em, layout.bottom + 0.8 * layout.em
        layout.text(left, bottom, data.remark, SMALL, color=layout.theme.faint_ink)


def _draw_panel(layout: Layout, axes: Axes, panel: Panel, strength: float) -> None:
    x_axis, y_axis = panel.x_axis, panel.y_axis
    assert x_axis  # noqa: S101 - a panel of curves
    assert y_axis  # noqa: S101
    width, height = layout.characters(axes), layout.extent(axes)[1]
    # Only every n-th point of a curve has a marker, so that the markers do not hide the curve.
    span = x_axis.limits[1] - x_axis.limits[0]
    marks = max(1, round(2 * span / width)) if x_axis.integer else 1
    for band in panel.bands:
        colour = layout.theme.styles[band.style].colour
        # The edges show a band that is thinner than a line.
        xs, low, high = zip(*band.points, strict=True)
        axes.fill_between(xs, low, high, color=colour, alpha=SHADE, linewidth=0.8, zorder=1.2)
    for level in panel.levels:
        axes.axhline(level.y, **line(layout.theme.styles[level.style]), zorder=1.3)
    for curve in panel.curves:
        _draw_curve(axes, curve, layout.theme.styles[curve.style], strength, marks)
    for each in panel.marks:
        _draw_marks(axes, each, layout.theme, strength)
    axes.set(xlim=x_axis.limits, ylim=y_axis.limits, xlabel=x_axis.label, ylabel=y_axis.label)
    set_ticks(axes.xaxis, x_axis.with_ticks(width).ticks)
    set_ticks(axes.yaxis, y_axis.with_ticks(NUMBER_WIDTH * height / LABEL_HEIGHT).ticks)


def _draw_curve(axes: Axes, curve: Curve, style: LineStyle, strength: float, marks: int) -> None:
    parts = [curve.points[:1], curve.points[1:]] if curve.starts_apart else [curve.points]
    zorder = 1.4 if style.thin else 1.9 if curve.style == CLEAN else 2.0
    for points in filter(None, parts):
        xs, means = [point.x for point in points], [point.mean for point in points]
        axes.plot(xs, means, **line(style, strength), markevery=marks, zorder=zorder)
        _draw_intervals(axes, points, style)
    if curve.each_seed:
        # Wider than the marker of the mean, which would hide it.
        dash = style.model_copy(update={"marker": "_", "dashes": "none"})
        axes.plot(*zip(*curve.each_seed, strict=True), **line(dash, 2.2), alpha=0.45)


def _draw_marks(axes: Axes, marks: Marks, theme: Theme, strength: float) -> None:
    style = theme.styles[marks.style]
    look = line(style, strength)
    if marks.curve:
        # The edge tells the mark from the markers of the curve.
        look = line(style, MARK_STRENGTH) | {"color": theme.styles[marks.curve].colour, "markeredgecolor": theme.ink}
    axes.plot(*zip(*marks.points, strict=True), **look, zorder=3)


def _draw_intervals(axes: Axes, points: Sequence[Point], style: LineStyle) -> None:
    """Draw a bar at each point with an interval, and a band between adjacent points with intervals over seeds."""
    known = [(at.x, at.low, at.high) for at in points if at.low is not None and at.high is not None]
    if known:
        low, high = [at.low or 0.0 for at in points], [at.high or 0.0 for at in points]
        over_seeds = [at.target is IntervalTarget.SEEDS for at in points]
        xs = [at.x for at in points]
        axes.fill_between(xs, low, high, where=over_seeds, color=style.colour, alpha=0.2, linewidth=0, zorder=1.5)
        width = 0.8 * line(style)["linewidth"]
        for x, below, above in known:
            axes.plot((x, x), (below, above), color=style.colour, linewidth=width, zorder=1.8)
