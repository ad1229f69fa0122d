"""Validation accuracy by the scale trained with and the scale tested with."""

from collections.abc import Sequence
from statistics import mean

from noisesweep.models import Evaluation, Matrix, RunStatus, Sweep


def matrix(sweep: Sweep, evaluations: Sequence[Evaluation | None]) -> Matrix | None:
    """Return the matrix of a sweep; None if no run has succeeded and was evaluated.

    Args:
        sweep: The rows are its scales that have a succeeded and evaluated run.
        evaluations: The evaluations of its runs, by index. The columns are scale 0 and the sweep's scales at which
            any run was tested. A reused run may have been tested at further scales, which are left out.
    """
    asked = {0.0, *(run.scale for run in sweep.runs)}
    tested: dict[float, dict[float, list[float]]] = {}
    for run, evaluation in zip(sweep.runs, evaluations, strict=True):
        if run.status is RunStatus.SUCCEEDED and evaluation:
            row = tested.setdefault(run.scale, {})
            for scale, val_accuracy in zip(evaluation.test_scales, evaluation.val_accuracy, strict=True):
                if scale in asked:
                    row.setdefault(scale, []).append(val_accuracy)
    if not tested:
        return None
    rows, columns = sorted(tested), sorted(set().union(*tested.values()))
    cells = [[tested[row].get(column, []) for column in columns] for row in rows]
    return Matrix(
        train_scales=rows,
        test_scales=columns,
        val_accuracy=[[mean(cell) if cell else None for cell in row] for row in cells],
        seeds=[[len(cell) for cell in row] for row in cells],
    )
