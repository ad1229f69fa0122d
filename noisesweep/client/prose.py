"""Sweeps and runs in words, lines and tables."""

from typing import Any

from noisesweep.models import EpochMetrics, Results, RunStatus, RunSummary, Sweep

COLUMNS = ["run_id", "scale", "seed", *EpochMetrics.model_fields]


def in_words(sweep: Sweep) -> str:
    """The sweep in one line."""
    progress = sweep.progress
    return (
        f"sweep {sweep.id}: {sweep.status}, {progress.epochs_done} of {progress.epochs_total} epochs; "
        f"{grid_in_words(sweep)}"
    )


def grid_in_words(sweep: Sweep) -> str:
    """Describe the sweep's training and its name, if any."""
    scales = " ".join(f"{scale:g}" for scale in sweep.scales)
    seeds = f", {len(sweep.seeds)} seeds" if len(sweep.seeds) > 1 else ""
    name = f" ({sweep.name})" if sweep.name else ""
    return f"{sweep.config.dataset} at scale {scales}{seeds}{name}"


def label(run: RunSummary, sweep: Sweep) -> str:
    """Return what distinguishes the run from the others of its sweep."""
    return f"scale {run.scale:<4g}" + (f" seed {run.seed}" if len(sweep.seeds) > 1 else "")


def progress_of(run: RunSummary, epochs: int) -> str:
    """The run's progress in words: epoch, both accuracies, time left."""
    metrics = run.latest_metrics
    if metrics is None:
        words = {RunStatus.QUEUED: "waiting for a worker", RunStatus.RUNNING: "in its first epoch"}
        return words.get(run.status, run.status)
    text = f"epoch {run.epochs_done}/{epochs}  accuracy {metrics.accuracy:.4f}  val_accuracy {metrics.val_accuracy:.4f}"
    if run.status is not RunStatus.RUNNING:
        return f"{text}  {'reused' if run.reused_from else run.status}"
    return f"{text}  {duration((epochs - run.epochs_done) * metrics.seconds)} left"


def duration(seconds: float) -> str:
    """Return minutes and seconds, with hours if there are any."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def table_of(results: Results) -> Any:  # noqa: ANN401 - a pandas.DataFrame, or a list of dicts without pandas
    """The rows as a pandas.DataFrame if pandas is installed, else as a list of dicts."""
    rows = [{column: getattr(row, column) for column in COLUMNS} for row in results.rows]
    try:
        import pandas as pd  # noqa: PLC0415 - whoever has it wants it, and nobody else needs it
    except ModuleNotFoundError:
        return rows
    return pd.DataFrame(rows, columns=COLUMNS)
