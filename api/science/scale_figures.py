"""Statistics by noise scale over the last epochs of the succeeded runs.

Two scales are compared seed by seed, because runs of one seed share all random draws. The mean and the interval over
seeds are computed last.
"""

from api.science.intervals import interval
from noisesweep.models import EpochMetrics, Interval, RunStatus, ScaleFigures, Sweep

# Last epochs of the runs of one scale, by seed.
BySeed = dict[int, EpochMetrics]


def last_epochs(sweep: Sweep) -> dict[float, BySeed]:
    """Return the last epoch of each succeeded run, by ascending scale and then by seed."""
    last: dict[float, BySeed] = {}
    for run in sorted(sweep.runs, key=lambda run: (run.scale, run.seed)):
        if run.status is RunStatus.SUCCEEDED and run.latest_metrics:
            last.setdefault(run.scale, {})[run.seed] = run.latest_metrics
    return last


def figures(sweep: Sweep) -> list[ScaleFigures]:
    """Return the statistics of each scale that has a succeeded run, by ascending scale."""
    last = last_epochs(sweep)
    clean = last.get(0.0, {})
    return [
        ScaleFigures(
            scale=scale,
            accuracy=interval([end.accuracy for end in runs.values()]),
            val_accuracy=interval([end.val_accuracy for end in runs.values()]),
            generalisation_gap=interval([end.accuracy - end.val_accuracy for end in runs.values()]),
            drop_from_clean=accuracy_drop(clean, runs),
        )
        for scale, runs in last.items()
    ]


def accuracy_drop(before: BySeed, after: BySeed) -> Interval | None:
    """Return the decrease of val_accuracy between two scales, paired by seed; None if no seed has both scales."""
    both = before.keys() & after.keys()
    drops = [before[seed].val_accuracy - after[seed].val_accuracy for seed in both]
    return interval(drops) if drops else None
