"""Output of sweeps on a terminal and in a pipe."""

from collections.abc import Iterable
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Table
from rich.text import Text

from noisesweep.client.prose import grid_in_words, label, progress_of
from noisesweep.models import Interval, NoiseSamples, RunStatus, RunSummary, ScaleFigures, Sweep

# Of a terminal's lines, what the bars leave to the rest.
OTHER_LINES = 4


def watch(records: Iterable[Sweep], console: Console) -> Sweep:
    """Show a sweep's progress, look by look, and say why runs failed; return the last look, of which there is one."""
    with Display(console) as display:
        for sweep in records:
            display.show(sweep)
    tell_failures(sweep, console)
    return sweep


def tell_failures(sweep: Sweep, console: Console) -> None:
    """Say why runs failed, if any did."""
    for run in sweep.runs:
        if run.error:
            say(console, f"{label(run, sweep)} failed ({run.error.code}): {run.error.message}", style="red")


def say(console: Console, line: str, style: str | None = None) -> None:
    """Print a line as it is: wrapped between words on a terminal, and left whole elsewhere."""
    console.print(line, style=style, highlight=False, markup=False, soft_wrap=not console.is_terminal)


class Display:
    """A sweep's progress: bars on a terminal, a line for each change elsewhere."""

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
        self._said: dict[str, str] = {}

    def show(self, sweep: Sweep) -> None:
        """Bring the display to where the sweep is now."""
        self._say("", sweep.status_detail or "")
        shown = {run.id for run in self._with_a_bar(sweep)}
        for run in sweep.runs:
            line = progress_of(run, sweep.config.epochs)
            if self._console.is_terminal:
                line = line.removeprefix("epoch ").removesuffix(f"  {RunStatus.SUCCEEDED}")  # the bar says so
                self._bar(
                    run.id, label(run, sweep), run.epochs_done, sweep.config.epochs, line, visible=run.id in shown
                )
            else:
                self._say(label(run, sweep), line)
        if self._console.is_terminal and len(sweep.runs) > 1:
            ended = sum(run.status.is_final for run in sweep.runs)
            done, total = sweep.progress.epochs_done, sweep.progress.epochs_total
            self._bar("all", "all", done, total, f"{ended} of {len(sweep.runs)} runs ended", visible=True)
        self._bars.start()  # not before: each bar that is added would draw all of them anew

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._bars.stop()

    def _with_a_bar(self, sweep: Sweep) -> list[RunSummary]:
        """Return the runs that get a bar: all if the terminal has room, otherwise the running ones first."""
        room = max(self._console.height - OTHER_LINES, 1)
        if len(sweep.runs) <= room:
            return sweep.runs
        order = [RunStatus.RUNNING, RunStatus.FAILED, RunStatus.QUEUED, RunStatus.CANCELLED, RunStatus.SUCCEEDED]
        return sorted(sweep.runs, key=lambda run: order.index(run.status))[:room]

    def _bar(self, name: str, description: str, done: int, total: int, progress: str, *, visible: bool) -> None:
        if name not in self._tasks:
            self._tasks[name] = self._bars.add_task(description, progress="", visible=visible)
        self._bars.update(self._tasks[name], completed=done, total=total, progress=progress, visible=visible)

    def _say(self, subject: str, line: str) -> None:
        """Print a line if it is another than the last one on its subject."""
        if self._said.get(subject, "") != line:
            self._said[subject] = line
            if line:
                say(self._console, f"{subject}  {line}".strip())


def runs_table(sweep: Sweep) -> Table:
    """Return each run's figures at its last epoch, and its status unless all runs have succeeded."""
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
    """Print a table row for each sweep. In a pipe, print a line for each, with fields separated by two spaces."""
    table = Table()
    for column in ("id", "submitted", "status", "epochs"):
        table.add_column(column, no_wrap=True)
    table.add_column("sweep", overflow="fold", min_width=12)
    for sweep in sweeps:
        progress = f"{sweep.progress.epochs_done}/{sweep.progress.epochs_total}"
        submitted = f"{sweep.created_at.astimezone():%Y-%m-%d %H:%M}"
        parts = [sweep.id, submitted, str(sweep.status), progress, grid_in_words(sweep)]
        if console.is_terminal:
            table.add_row(*map(Text, parts))
        else:
            say(console, "  ".join(parts))
    if console.is_terminal:
        console.print(table)


def figures_table(figures: Iterable[ScaleFigures]) -> Table:
    """Return each scale's figures at the last epoch, with intervals if there are several seeds."""
    result = Table()
    for column in ("scale", "accuracy", "val_accuracy", "gap", "drop from clean"):
        result.add_column(column, justify="right", no_wrap=True)
    for at in figures:
        gap, drop = at.generalisation_gap, at.drop_from_clean
        row = [_interval(at.accuracy), _interval(at.val_accuracy), _interval(gap), _interval(drop)]
        result.add_row(f"{at.scale:g}", *row)
    return result


def noise_table(samples: NoiseSamples) -> Table:
    """Return the statistics of each scale's noise."""
    result = Table(title=f"Noise on {len(samples.samples)} {samples.images} images of {samples.dataset}")
    for column in ("scale", "mean", "standard deviation", "signal to noise, dB", "outside the range"):
        result.add_column(column, justify="right")
    for at in samples.statistics:
        ratio = "" if at.signal_to_noise_db is None else f"{at.signal_to_noise_db:.1f}"
        result.add_row(
            f"{at.scale:g}", f"{at.mean:.4f}", f"{at.standard_deviation:.4f}", ratio, f"{at.outside_range:.1%}"
        )
    return result


def _interval(interval: Interval | None) -> str:
    """The mean, and half of the width of its interval, which is symmetric."""
    if interval is None:
        return ""
    return f"{interval.mean:.4f}" + (f" ± {interval.high - interval.mean:.3f}" if interval.high is not None else "")
