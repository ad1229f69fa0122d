"""Validation accuracy by training scale and test noise."""

from collections.abc import Sequence
from statistics import mean

from noisesweep.models import Evaluation, Matrix, RunStatus, Sweep


def matrix(sweep: Sweep, evaluations: Sequence[Evaluation | None]) -> Matrix | None:
    """Return the matrix of a sweep; None if it has no succeeded run with an evaluation.

    Args:
        sweep: The sweep. Its scales with a succeeded and evaluated run become the rows.
        evaluations: The evaluation of each run, by index. The columns are scale 0 and the scales of the sweep at
            which any run was tested, then those of the other kinds of noise. A reused run may have other test scales;
            these are left out.
    """
    kinds = [sweep.config.noise, *sweep.config.test_noise]
    sweep_scales = {0.0, *(run.scale for run in sweep.runs)}
    tested: dict[float, dict[tuple[int, float], list[float]]] = {}
    for run, evaluation in zip(sweep.runs, evaluations, strict=True):
        if run.status is RunStatus.SUCCEEDED and evaluation:
            row = tested.setdefault(run.scale, {})
            for scale, val_accuracy in zip(evaluation.test_scales, evaluation.val_accuracy, strict=True):
                if scale in sweep_scales:
                    row.setdefault((0, scale), []).append(val_accuracy)
            for other in evaluation.other_noise:
                row.setdefault((kinds.index(other.noise), other.scale), []).append(other.val_accuracy)
    if not tested:
        return None
    rows, columns = sorted(tested), sorted(set().union(*tested.values()))
    cells = [[tested[row].get(column, []) for column in columns] for row in rows]
    return Matrix(
        train_scales=rows,
        test_scales=[scale for _, scale in columns],
        test_noise=[kinds[kind] for kind, _ in columns],
        val_accuracy=[[mean(cell) if cell else None for cell in row] for row in cells],
        seeds=[[len(cell) for cell in row] for row in cells],
    )
