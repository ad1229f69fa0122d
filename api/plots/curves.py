"""A curve of means over seeds against the scale, with their intervals."""

from collections.abc import Sequence
from itertools import groupby
from math import nan

from api.plots.layout import Panel
from api.plots.scales import ScaleAxis
from api.plots.theme import Look
from noisesweep.models import Interval


def draw_curve(panel: Panel, axis: ScaleAxis, points: Sequence[tuple[float, Interval]], look: Look) -> None:
    """Draw the mean at each scale, and the interval where there is one.

    Args:
        panel: Where to draw.
        axis: Its x axis.
        points: Scale and interval, by ascending scale.
        look: The curve's.
    """
    # On a logarithmic axis the clean point stands alone.
    for _, group in groupby(points, key=lambda point: axis.stands_apart(point[0])):
        stretch = list(group)
        panel.line([axis.place(scale) for scale, _ in stretch], [point.mean for _, point in stretch], look)
        for has_interval, neighbours in groupby(stretch, key=lambda point: point[1].low is not None):
            if has_interval:
                _draw_band(panel, axis, list(neighbours), look)


def _draw_band(panel: Panel, axis: ScaleAxis, points: Sequence[tuple[float, Interval]], look: Look) -> None:
    low = [nan if point.low is None else point.low for _, point in points]
    high = [nan if point.high is None else point.high for _, point in points]
    panel.band([axis.place(scale) for scale, _ in points], low, high, look)
