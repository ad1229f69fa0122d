"""Text output of sweeps, on a terminal or to a pipe."""

from collections.abc import Iterable
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Table
from rich.text import Text

from noisesweep.cli.output import print_line
from noisesweep.client.prose import describe_grid, describe_progress, run_label
from noisesweep.models import Interval, NoiseSamples, RunStatus, RunSummary, ScaleFigures, Sweep

# Lines of the terminal that the progress bars leave free.
OTHER_LINES = 4


def show_progress(records: Iterable[Sweep], console: Console) -> Sweep:
    """Show the progress of a sweep, then the errors of failed runs. Return the last record.

    Args:
        records: At least one record of the sweep.
        console: Console to print to.
    """
    with ProgressDisplay(console) as display:
        for sweep in records:
            display.show(sweep)
    print_errors(sweep, console)
    return sweep


def print_errors(sweep: Sweep, console: Console) -> None:
    """Print the errors of failed runs."""
    for run in sweep.runs:
        if run.error:
            print_line(console, f"{run_label(run, sweep)} failed ({run.error.code}): {run.error.message}", style="red")


class ProgressDisplay:
    """Progress of a sweep: bars on a terminal, otherwise one line per change."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[progress]}", markup=False),
            console=console,
            expand=True,
            disable=not console.is_terminal,
        )
        self._tasks: dict[str, TaskID] = {}
        self._last_lines: dict[str, str] = {}

    def show(self, sweep: Sweep) -> None:
        """Update the display with a new record of the sweep."""
        self._print_if_changed("", sweep.status_detail or "")
        visible = {run.id for run in self._visible_runs(sweep)}
        for run in sweep.runs:
            label, line = run_label(run, sweep), describe_progress(run, sweep.config.epochs)
            if self._console.is_terminal:
                line = line.removeprefix("epoch ").removesuffix(f"  {RunStatus.SUCCEEDED}")  # visible from the bar
                self._update_bar(run.id, label, run.epochs_done, sweep.config.epochs, line, visible=run.id in visible)
            else:
                self._print_if_changed(label, line)
        if self._console.is_terminal and len(sweep.runs) > 1:
            ended = sum(run.status.is_final for run in sweep.runs)
            done, total = sweep.progress.epochs_done, sweep.progress.epochs_total
            self._update_bar("all", "all", done, total, f"{ended} of {len(sweep.runs)} runs ended", visible=True)
        self._bars.start()  # after adding the bars: otherwise each new bar would redraw all of them

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._bars.stop()

    def _visible_runs(self, sweep: Sweep) -> list[RunSummary]:
        """Return the runs to show: all of them if they fit on the terminal, otherwise running ones first."""
        max_bars = max(self._console.height - OTHER_LINES, 1)
        if len(sweep.runs) <= max_bars:
            return sweep.runs
        order = [RunStatus.RUNNING, RunStatus.FAILED, RunStatus.QUEUED, RunStatus.CANCELLED, RunStatus.SUCCEEDED]
        return sorted(sweep.runs, key=lambda run: order.index(run.status))[:max_bars]

    def _update_bar(self, name: str, description: str, done: int, total: int, progress: str, *, visible: bool) -> None:
        if name not in self._tasks:
            self._tasks[name] = self._bars.add_task(description, progress="", visible=visible)
        self._bars.update(self._tasks[name], completed=done, total=total, progress=progress, visible=visible)

    def _print_if_changed(self, label: str, line: str) -> None:
        """Print a line unless it equals the last line with this label."""
        if self._last_lines.get(label, "") != line:
            self._last_lines[label] = line
            if line:
                print_line(self._console, f"{label}  {line}".strip())


def runs_table(sweep: Sweep) -> Table:
    """Return a table of the runs: metrics of the last epoch, and the status unless all runs have succeeded."""
    several_seeds, unfinished = len(sweep.seeds) > 1, sweep.status is not RunStatus.SUCCEEDED
    result = Table(title=f"{sweep.config.dataset}, {sweep.config.epochs} epochs")
    columns = ["scale", *(["seed"] if several_seeds else []), "accuracy", "val_accuracy"]
    for column in columns:
        result.add_column(column, justify="right")
    if unfinished:
        result.add_column("status")
    for run in sweep.runs:
        metrics = run.latest_metrics
        result.add_row(
            f"{run.scale:g}",
            *([str(run.seed)] if several_seeds else []),
            *([f"{metrics.accuracy:.4f}", f"{metrics.val_accuracy:.4f}"] if metrics else ["", ""]),
            *([f"{run.status}, epoch {run.epochs_done}/{sweep.config.epochs}"] if unfinished else []),
        )
    return result


def print_sweeps(sweeps: Iterable[Sweep], console: Console) -> None:
    """Print one sweep per row: a table on a terminal, otherwise lines with two spaces between the fields."""
    table = Table()
    for column in ("id", "submitted", "status", "epochs"):
        table.add_column(column, no_wrap=True)
    table.add_column("sweep", overflow="fold", min_width=12)
    for sweep in sweeps:
        progress = f"{sweep.progress.epochs_done}/{sweep.progress.epochs_total}"
        submitted = f"{sweep.created_at.astimezone():%Y-%m-%d %H:%M}"
        cells = [sweep.id, submitted, str(sweep.status), progress, describe_grid(sweep)]
        if console.is_terminal:
            table.add_row(*map(Text, cells))
        else:
            print_line(console, "  ".join(cells))
    if console.is_terminal:
        console.print(table)


def statistics_table(scales: Iterable[ScaleFigures]) -> Table:
    """Return a table of the statistics by scale, with confidence intervals if there are several seeds."""
    result = Table()
    for column in ("scale", "accuracy", "val_accuracy", "gap", "drop from clean"):
        result.add_column(column, justify="right", no_wrap=True)
    for at in scales:
        intervals = (at.accuracy, at.val_accuracy, at.generalisation_gap, at.drop_from_clean)
        result.add_row(f"{at.scale:g}", *map(_format_interval, intervals))
    return result


def noise_table(samples: NoiseSamples) -> Table:
    """Return a table of the noise statistics by scale."""
    result = Table(title=f"Noise on {len(samples.samples)} {samples.images} images of {samples.dataset}")
    for column in ("scale", "mean", "standard deviation", "signal to noise, dB", "outside the range"):
        result.add_column(column, justify="right")
    for at in samples.statistics:
        ratio = "" if at.signal_to_noise_db is None else f"{at.signal_to_noise_db:.1f}"
        result.add_row(
            f"{at.scale:g}", f"{at.mean:.4f}", f"{at.standard_deviation:.4f}", ratio, f"{at.outside_range:.1%}"
        )
    return result


def _format_interval(interval: Interval | None) -> str:
    """Format the mean, and half the width of the symmetric interval if there are several seeds."""
    if interval is None:
        return ""
    return f"{interval.mean:.4f}" + (f" ± {interval.high - interval.mean:.3f}" if interval.high is not None else "")
