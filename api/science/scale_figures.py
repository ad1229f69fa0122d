"""Figures by noise scale: each scale's runs at their last epoch, over the seeds that have succeeded.

Scales are compared seed by seed, because runs of one seed share every draw. Means and intervals over seeds come last.
"""

from api.science.intervals import interval
from noisesweep.models import EpochMetrics, Interval, RunStatus, ScaleFigures, Sweep

# The last epochs of the runs of one scale, by seed.
BySeed = dict[int, EpochMetrics]


def last_epochs(sweep: Sweep) -> dict[float, BySeed]:
    """Return the last epoch of each succeeded run, by ascending scale and then by seed."""
    ends: dict[float, BySeed] = {}
    for run in sorted(sweep.runs, key=lambda run: (run.scale, run.seed)):
        if run.status is RunStatus.SUCCEEDED and run.latest_metrics:
            ends.setdefault(run.scale, {})[run.seed] = run.latest_metrics
    return ends


def figures(sweep: Sweep) -> list[ScaleFigures]:
    """Return the figures of each scale that has a succeeded run, by ascending scale."""
    ends = last_epochs(sweep)
    clean = ends.get(0.0, {})
    return [
        ScaleFigures(
            scale=scale,
            accuracy=interval([end.accuracy for end in runs.values()]),
            val_accuracy=interval([end.val_accuracy for end in runs.values()]),
            generalisation_gap=interval([end.accuracy - end.val_accuracy for end in runs.values()]),
            drop_from_clean=accuracy_drop(clean, runs),
        )
        for scale, runs in ends.items()
    ]


def accuracy_drop(before: BySeed, after: BySeed) -> Interval | None:
    """Return the loss of val_accuracy from one scale to another, paired by seed; None if no seed has both."""
    both = before.keys() & after.keys()
    lost = [before[seed].val_accuracy - after[seed].val_accuracy for seed in both]
    return interval(lost) if lost else None
