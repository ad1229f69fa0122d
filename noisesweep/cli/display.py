"""Text output of sweeps, on a terminal or to a pipe."""

from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType
from typing import Self

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Table
from rich.text import Text

from noisesweep.cli.output import print_line
from noisesweep.client.prose import describe_grid, describe_progress, run_label
from noisesweep.models import (
    Bounds,
    Comparison,
    DatasetInfo,
    DatasetLimit,
    Interval,
    NoiseSamples,
    RunStatus,
    RunSummary,
    ScaleFigures,
    Sweep,
    Transfer,
)
from noisesweep.models.float32 import format_number

# Lines of the terminal that the progress bars leave free.
OTHER_LINES = 4
# A list of sweeps has whole ids on a terminal with this number of columns.
WIDE_COLUMNS = 110


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
            label, line = run_label(run, sweep), describe_progress(run, sweep.epochs_of(run))
            if self._console.is_terminal:
                line = line.removeprefix("epoch ").removesuffix(f"  {RunStatus.SUCCEEDED}")  # visible from the bar
                self._update_bar(run.id, label, run.epochs_done, sweep.epochs_of(run), line, visible=run.id in visible)
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


def runs_table(sweep: Sweep, limit: DatasetLimit | None = None) -> Table:
    """Return a table of the runs: metrics of the last epoch, and the status unless all runs have succeeded.

    With a limit, it also contains the best possible accuracy at the scales of the limit.
    """
    several_seeds, unfinished = len(sweep.seeds) > 1, sweep.status is not RunStatus.SUCCEEDED
    result = Table(title=f"{sweep.config.dataset}, {sweep.config.epochs} epochs")
    columns = ["scale", *(["seed"] if several_seeds else []), "accuracy", "val_accuracy"]
    for column in columns:
        result.add_column(column, justify="right")
    best = {at.scale: f"{at.lower:.4f} to {at.upper:.4f}" for at in limit.ends} if limit else {}
    if limit:
        result.add_column("best possible", justify="right")
    if unfinished:
        result.add_column("status")
    for run in sweep.runs:
        metrics = run.final_metrics
        result.add_row(
            format_number(run.scale),
            *([str(run.seed)] if several_seeds else []),
            *([f"{metrics.accuracy:.4f}", f"{metrics.val_accuracy:.4f}"] if metrics else ["", ""]),
            *([best.get(run.scale, "")] if limit else []),
            *([f"{run.status}, epoch {run.epochs_done}/{sweep.config.epochs}"] if unfinished else []),
        )
    return result


def print_sweeps(sweeps: Iterable[Sweep], console: Console) -> None:
    """Print one sweep per row: a table on a terminal, otherwise lines with two spaces between the fields.

    On a narrow terminal, ids are shortened to a beginning that commands accept, and times lack the year.
    """
    sweeps = list(sweeps)
    with_submitter = any(sweep.submitter for sweep in sweeps)
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in ("id", "submitted", *(["by"] if with_submitter else []), "status", "epochs"):
        table.add_column(column, no_wrap=True, justify="right" if column == "epochs" else "left")
    table.add_column("sweep", overflow="fold")
    is_narrow = console.is_terminal and console.width < WIDE_COLUMNS
    digits, time_format = (8, "%m-%d %H:%M") if is_narrow else (16, "%Y-%m-%d %H:%M")
    for sweep in sweeps:
        progress = f"{sweep.progress.epochs_done}/{sweep.progress.epochs_total}"
        submitted = format(sweep.created_at.astimezone(), time_format)
        by = [sweep.submitter or "-"] if with_submitter else []
        cells = [sweep.id[:digits], submitted, *by, str(sweep.status), progress, describe_grid(sweep)]
        if console.is_terminal:
            table.add_row(*map(Text, cells))
        else:
            print_line(console, "  ".join(cells))
    if console.is_terminal:
        console.print(table)


def statistics_table(scales: Iterable[ScaleFigures]) -> Table:
    """Return a table of the statistics by scale, with the confidence intervals below the means.

    It has no columns that are empty.
    """
    scales = list(scales)
    columns = {
        "scale": [format_number(at.scale) for at in scales],
        "accuracy": [format_interval(at.accuracy) for at in scales],
        "val_accuracy": [format_interval(at.val_accuracy) for at in scales],
        "noise gap": [format_interval(at.noise_gap) for at in scales],
        "image gap": [format_interval(at.image_gap) for at in scales],
        "drop": [format_interval(at.drop_from_clean) for at in scales],
    }
    return _filled_columns(columns)


def _filled_columns(columns: dict[str, list[str]]) -> Table:
    """Return a table of the columns of numbers that are not empty."""
    shown = {name: cells for name, cells in columns.items() if any(cells)}
    # With few lines, more columns fit in a terminal.
    result = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in shown:
        longest_word = max(map(len, name.split()))
        result.add_column(name, justify="right", no_wrap=name == "scale", min_width=longest_word)
    for row in zip(*shown.values(), strict=True):
        result.add_row(*row)
    return result


def comparison_table(comparison: Comparison) -> Table:
    """Return a table of the differences between two sweeps by scale, without columns that are empty."""
    columns = {
        "scale": [format_number(at.scale) for at in comparison.scales],
        "seeds": [str(at.difference.seeds) for at in comparison.scales],
        "A": [f"{at.first:.4f}" for at in comparison.scales],
        "B": [f"{at.second:.4f}" for at in comparison.scales],
        "B - A": [format_interval(at.difference) for at in comparison.scales],
        "other images, too": [_format_bounds(at.seeds_and_images) for at in comparison.scales],
        "all scales at once": [_format_bounds(at.simultaneous) for at in comparison.scales],
    }
    result = _filled_columns(columns)
    result.title = comparison.name
    return result


def comparison_lines(comparison: Comparison) -> Iterator[str]:
    """Yield the sentence, the ratio of scales, the areas, the methods and the remarks of a comparison."""
    yield comparison.sentence
    if ratio := comparison.ratio:
        yield (
            f"Scale at accuracy {ratio.level:.4g}: {ratio.first:.3g} of A and {ratio.second:.3g} of B, ratio B / A "
            f"{_in_line(ratio.ratio)}"
        )
    if area := comparison.area:
        yield (
            f"Mean accuracy from scale {format_number(area.from_scale)} to {format_number(area.to_scale)}, over the "
            f"logarithm of the scale: {area.first.mean:.4f} of A and {area.second.mean:.4f} of B, B - A "
            f"{_in_line(area.difference)}"
        )
    yield f"{comparison.method}."
    yield from comparison.remarks


def _in_line(interval: Interval) -> str:
    bounds = "" if interval.low is None else f" ({interval.low:.4f} to {interval.high:.4f})"
    return f"{interval.mean:.4f}{bounds}"


def noise_table(samples: NoiseSamples) -> Table:
    """Return a table of the noise statistics by scale."""
    result = Table(title=f"Noise on {len(samples.samples)} {samples.images} images of {samples.dataset}")
    result.add_column("kind", no_wrap=True)
    for column in ("scale", "mean", "standard deviation", "signal to noise, dB", "outside the range"):
        result.add_column(column, justify="right")
    for at in samples.statistics:
        ratio = "" if at.signal_to_noise_db is None else f"{at.signal_to_noise_db:.1f}"
        scale, outside = format_number(at.scale), f"{at.outside_range:.1%}"
        result.add_row(at.kind.text, scale, f"{at.mean:.4f}", f"{at.standard_deviation:.4f}", ratio, outside)
    return result


def transfer_table(transfer: Transfer) -> Table:
    """Return a table of accuracies by training noise (rows) and test noise (columns)."""
    result = Table(title="Accuracy with noise of other kinds")
    names = [f"{row.noise.text} {format_number(row.scale)}" for row in transfer.rows]
    for column in ("trained on", *names):
        result.add_column(column, justify="right")
    for name, row in zip(names, transfer.rows, strict=True):
        result.add_row(name, *map(format_interval, row.val_accuracy))
    return result


def datasets_table(datasets: Sequence[DatasetInfo]) -> Table:
    """Return a table of data sets."""
    result = Table(title="Data sets")
    result.add_column("name")
    for column in ("training", "validation", "pixels", "classes", "stored, MB"):
        result.add_column(column, justify="right")
    for info in datasets:
        images = f"{info.training_images:,}", f"{info.validation_images:,}"
        stored = f"{info.stored_bytes / 1e6:.1f}" if info.stored_bytes else "built in"
        pixels = "x".join(map(str, info.image_shape))
        result.add_row(info.name, *images, pixels, str(info.classes), stored)
    return result


def limit_table(limit: DatasetLimit) -> Table:
    """Return a table of the best possible accuracy by scale."""
    result = Table(title=f"{limit.dataset}: best possible accuracy{', clipped' if limit.clip else ''}")
    for column in ("scale", "at least", "at most", "validation images"):
        result.add_column(column, justify="right")
    for at in limit.ends:
        result.add_row(format_number(at.scale), f"{at.lower:.1%}", f"{at.upper:.1%}", f"{at.held_out:.1%}")
    return result


def format_interval(interval: Interval | None) -> str:
    """Format the mean, and on a second line its interval if there is one."""
    if interval is None:
        return ""
    if interval.low is None or interval.high is None:
        return f"{interval.mean:.4f}"
    return f"{interval.mean:.4f}\n{_format_bounds(Bounds(low=interval.low, high=interval.high))}"


def _format_bounds(bounds: Bounds | None) -> str:
    return "" if bounds is None else f"{bounds.low:.3f} to {bounds.high:.3f}"
