"""Text and table representations of sweeps and runs."""

from typing import Any

from noisesweep.models import EpochMetrics, NoiseKind, Results, RunStatus, RunSummary, Sweep
from noisesweep.models.float32 import format_number
from noisesweep.models.text import printable

COLUMNS = ["run_id", "scale", "seed", "numerics", *EpochMetrics.model_fields]


def describe_sweep(sweep: Sweep) -> str:
    """Describe a sweep in one line: id, status, progress, grid and name."""
    progress = sweep.progress
    return (
        f"sweep {sweep.id}: {sweep.status}, {progress.epochs_done} of {progress.epochs_total} epochs; "
        f"{describe_grid(sweep)}"
    )


def describe_grid(sweep: Sweep) -> str:
    """Describe the data set, noise, scales, seeds and name of a sweep."""
    scales = " ".join(map(format_number, sweep.scales))
    seeds = f", {len(sweep.seeds)} seeds" if len(sweep.seeds) > 1 else ""
    name = f" ({printable(sweep.name)})" if sweep.name else ""
    kind = "" if sweep.config.noise is NoiseKind.GAUSSIAN else sweep.config.noise.text
    words = [*(["fresh"] if sweep.config.resample else []), *([kind] if kind else [])]
    noise = f" with {' '.join(words)} noise" if words else ""
    return f"{sweep.config.dataset}{noise} at scale {scales}{seeds}{name}"


def run_label(run: RunSummary, sweep: Sweep) -> str:
    """Return the run's scale, and its seed if the sweep has several."""
    return f"scale {format_number(run.scale):<4}" + (f" seed {run.seed}" if len(sweep.seeds) > 1 else "")


def describe_progress(run: RunSummary, epochs: int) -> str:
    """Describe a run's progress: epoch, accuracies, and remaining time or final status."""
    metrics = run.latest_metrics
    if metrics is None:
        words = {RunStatus.QUEUED: "waiting for a worker", RunStatus.RUNNING: "in its first epoch"}
        return words.get(run.status, run.status)
    text = f"epoch {run.epochs_done}/{epochs}  accuracy {metrics.accuracy:.4f}  val_accuracy {metrics.val_accuracy:.4f}"
    if run.status is not RunStatus.RUNNING:
        return f"{text}  {'reused' if run.reused_from else run.status}"
    return f"{text}  {format_duration((epochs - run.epochs_done) * metrics.seconds)} left"


def format_duration(seconds: float) -> str:
    """Format seconds as m:ss, or as h:mm:ss from one hour."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def results_table(results: Results) -> Any:  # noqa: ANN401 - a pandas.DataFrame, or a list of dicts without pandas
    """Return the rows as a pandas.DataFrame, or as a list of dicts if pandas is not installed."""
    rows = [{column: getattr(row, column) for column in COLUMNS} for row in results.rows]
    try:
        import pandas as pd  # noqa: PLC0415 - pandas is optional
    except ModuleNotFoundError:
        return rows
    return pd.DataFrame(rows, columns=COLUMNS)
