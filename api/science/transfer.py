"""Networks trained on one kind of noise and tested with another, from several sweeps."""

from collections.abc import Iterator, Sequence
from math import log
from typing import NamedTuple

from api.science.comparison import NotComparableError
from api.science.config_text import differing_settings
from api.science.curves import chance_level, curves, halfway_crossing, mean_halfway
from api.science.intervals import accuracy
from api.science.prose import format_percent, seed_count
from api.science.scale_figures import validation_images
from noisesweep.models import Evaluation, Interval, NoiseKind, RunStatus, Sweep, Transfer, TransferRow
from noisesweep.models.float32 import format_number

MAX_SWEEPS = 8
# Settings in which the sweeps of a table may differ without a remark.
_EXPECTED = {"noise", "test_noise"}


class Noise(NamedTuple):
    """Kind of noise and scale."""

    kind: NoiseKind
    scale: float

    def __str__(self) -> str:
        """Return the noise as it stands in a sentence."""
        return f"{self.kind.text} noise at scale {format_number(self.scale)}"


def transfer(
    sweeps: Sequence[Sweep], evaluations: Sequence[Sequence[Evaluation | None]], scales: Sequence[float] = ()
) -> Transfer:
    """Return the accuracy of the networks of each sweep with the noise of each sweep.

    Args:
        sweeps: The sweeps.
        evaluations: The evaluation of each run, by sweep and run index.
        scales: The training scale of each sweep. If empty, the one that the other sweeps were tested with; of several,
            the one nearest to its half-way scale.

    Raises:
        NotComparableError: The sweeps have different data sets, or a sweep lacks its scale or a half-way scale.
    """
    datasets = sorted({sweep.config.dataset for sweep in sweeps})
    if len(datasets) > 1:
        raise NotComparableError(f"The sweeps have different data sets: {', '.join(datasets)}.")
    if scales and len(scales) != len(sweeps):
        raise NotComparableError(
            f"The table needs one scale for each sweep: expected {len(sweeps)}, received {len(scales)}."
        )
    noises = [
        Noise(sweep.config.noise, _checked(sweep, scale))
        for sweep, scale in zip(sweeps, scales or [_default_scale(sweep, sweeps) for sweep in sweeps], strict=True)
    ]
    rows = [
        TransferRow(
            sweep_id=sweep.id,
            noise=own.kind,
            scale=own.scale,
            val_accuracy=[_accuracy(sweep, of_sweep, own.scale, other) for other in noises],
        )
        for sweep, of_sweep, own in zip(sweeps, evaluations, noises, strict=True)
    ]
    return Transfer(
        rows=rows,
        sentence=_sentence(rows, noises, validation_images(sweeps[0])),
        remarks=[*_differences(sweeps), *_gaps(rows, noises)],
    )


def _checked(sweep: Sweep, scale: float) -> float:
    known = sorted({run.scale for run in sweep.runs})
    if scale not in known:
        raise NotComparableError(
            f"Sweep {sweep.id} has no run at scale {format_number(scale)}. Its scales: "
            f"{', '.join(map(format_number, known))}."
        )
    return scale


def _default_scale(sweep: Sweep, sweeps: Sequence[Sweep]) -> float:
    """Return the only positive scale of a sweep that all sweeps of other kinds were tested with.

    If there is not exactly one, return that of them, or else of the sweep, whose logarithm is nearest to that of the
    half-way scale.
    """
    kind = sweep.config.noise
    positive = sorted({run.scale for run in sweep.runs if run.scale})
    tests = [other.config.test_noise.get(kind, []) for other in sweeps if other.config.noise is not kind]
    common = [scale for scale in positive if all(scale in scales for scales in tests)]
    return common[0] if tests and len(common) == 1 else _nearest_to_half(sweep, common or positive)


def _nearest_to_half(sweep: Sweep, scales: Sequence[float]) -> float:
    crossings = [halfway_crossing(curve, chance_level(sweep)) for curve in curves(sweep)]
    half = mean_halfway([crossing for crossing in crossings if crossing])
    if half is None or not scales:
        raise NotComparableError(
            f"Sweep {sweep.id} has no half-way scale: its accuracy does not fall half-way to chance, or it has no "
            "clean run. Give one scale for each sweep."
        )
    return min(scales, key=lambda scale: abs(log(scale / half.scale.mean)))


def _accuracy(sweep: Sweep, evaluations: Sequence[Evaluation | None], scale: float, test: Noise) -> Interval | None:
    """Return the accuracy of the networks trained at a scale with other noise; None if they were not tested with it."""
    found = [
        result
        for run, evaluation in zip(sweep.runs, evaluations, strict=True)
        if run.status is RunStatus.SUCCEEDED and run.scale == scale and evaluation
        for result in [_tested(sweep, evaluation, test)]
        if result is not None
    ]
    return accuracy(found, validation_images(sweep)) if found else None


def _tested(sweep: Sweep, evaluation: Evaluation, test: Noise) -> float | None:
    if test.kind is sweep.config.noise:
        return dict(zip(evaluation.test_scales, evaluation.val_accuracy, strict=True)).get(test.scale)
    return {(at.noise, at.scale): at.val_accuracy for at in evaluation.other_noise}.get(test)


def _sentence(rows: Sequence[TransferRow], noises: Sequence[Noise], images: int) -> str:
    losses = [
        (trained.mean - moved.mean, moved, trained, noises[row], noises[column])
        for row, of_row in enumerate(rows)
        for column, moved in enumerate(of_row.val_accuracy)
        for trained in [rows[column].val_accuracy[column]]
        if moved and trained and noises[row] != noises[column]
    ]
    if not losses:
        return "No network was tested with the noise of another sweep."
    losses.sort(key=lambda loss: loss[0])
    seeds = min(min(moved.seeds, trained.seeds) for _, moved, trained, _, _ in losses)
    parts = []
    for name, (_, moved, trained, own, test) in (("largest", losses[-1]), ("smallest", losses[0]))[: len(losses)]:
        parts.append(
            f"the {name} measured loss: networks trained on {own} classify {format_percent(moved.mean)} of the images "
            f"with {test}, and those trained on it {format_percent(trained.mean)}"
        )
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]} ({seed_count(seeds)}, {images:,} images)."


def _differences(sweeps: Sequence[Sweep]) -> Iterator[str]:
    differing = {name for sweep in sweeps for name in differing_settings(sweeps[0].config, sweep.config)} - _EXPECTED
    if differing:
        names = ", ".join(sorted(differing))
        yield f"The sweeps also differ in {names}, so the accuracies differ for this reason, too."


def _gaps(rows: Sequence[TransferRow], noises: Sequence[Noise]) -> Iterator[str]:
    """Yield a remark on each sweep without networks, or whose networks were not tested with all noise of the table."""
    for row in rows:
        missing = [noise for noise, cell in zip(noises, row.val_accuracy, strict=True) if cell is None]
        if len(missing) == len(noises):
            yield f"Sweep {row.sweep_id} has no succeeded run at scale {format_number(row.scale)}."
        elif missing:
            tests = " and ".join(dict.fromkeys(map(str, missing)))
            yield (
                f"Sweep {row.sweep_id} was not tested with {tests}: submit it with this in test_noise, or extend it if "
                "the kind is its own."
            )
