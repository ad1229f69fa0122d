"""Commands that show and change sweeps."""

from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer

from noisesweep import NoiseSweep, SweepHandle
from noisesweep.cli.common import (
    Json,
    Key,
    SweepName,
    Url,
    exit_if_failed,
    find_sweep,
    upper_first,
)
from noisesweep.cli.display import print_errors, print_sweeps, runs_table, show_progress
from noisesweep.cli.output import console_for, print_json, print_line
from noisesweep.client.prose import describe_sweep
from noisesweep.models import RunStatus


def list_sweeps(
    *,
    status: Annotated[RunStatus | None, typer.Option(help="Only sweeps with this status.")] = None,
    dataset: Annotated[str | None, typer.Option(help="Only sweeps on this data set.")] = None,
    name: Annotated[str | None, typer.Option(help="Only sweeps whose name begins with this text.")] = None,
    tags: Annotated[
        list[str] | None,
        typer.Option("--tags", "--tag", help="Only sweeps with all of these tags, each key or key:value."),
    ] = None,
    submitter: Annotated[str | None, typer.Option(help="Only sweeps of the API key with this name.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Maximum number of sweeps.")] = 20,
    as_json: Json = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """List sweeps, newest first."""
    given: dict[str, Any] = {"status": status, "dataset": dataset, "name": name, "tags": tags, "submitter": submitter}
    filters: Any = {field: value for field, value in given.items() if value is not None}
    with NoiseSweep(url, key) as service:
        sweeps = [sweep.record for sweep in islice(service.sweeps(**filters), limit)]
    if as_json:
        print_json([sweep.model_dump(mode="json") for sweep in sweeps])
    elif sweeps:
        print_sweeps(sweeps, console_for(as_json=as_json))
    else:
        line = "No sweeps match." if filters else "There are no sweeps yet: submit one with `noisesweep submit`."
        print_line(console_for(as_json=as_json), line)


def show(name: SweepName, *, as_json: Json = False, url: Url = None, key: Key = None) -> None:
    """Show a sweep: status, summary of its curve, and its runs."""
    with NoiseSweep(url, key) as service:
        sweep = find_sweep(service, name)
        if as_json:
            print_json(sweep.record)
            return
        summary = sweep.summary()
    console = console_for(as_json=as_json)
    for line in (
        upper_first(describe_sweep(sweep.record)),
        sweep.record.status_detail,
        summary.sentence,
        *summary.remarks,
    ):
        if line:
            print_line(console, line)
    print_errors(sweep.record, console)
    console.print(runs_table(sweep.record))


def watch_sweep(name: SweepName, *, as_json: Json = False, url: Url = None, key: Key = None) -> None:
    """Show the progress of a sweep until it has ended. With --json, print one event per line.

    Exit with 1 unless all runs have succeeded.
    """
    with NoiseSweep(url, key) as service:
        sweep = find_sweep(service, name)
        if as_json:
            for event in sweep.follow():
                print_json(event)
            exit_if_failed(sweep.record)
        else:
            watch_until_end(sweep, None, as_json=as_json)


def cancel(name: SweepName, *, as_json: Json = False, url: Url = None, key: Key = None) -> None:
    """Cancel the unfinished runs of a sweep. Their stored epochs are kept."""
    with NoiseSweep(url, key) as service:
        print_sweep(find_sweep(service, name).cancel(), as_json=as_json)


def retry(name: SweepName, *, as_json: Json = False, url: Url = None, key: Key = None) -> None:
    """Queue the failed and cancelled runs of a sweep again."""
    with NoiseSweep(url, key) as service:
        sweep = find_sweep(service, name)
        ended = sum(run.status in (RunStatus.FAILED, RunStatus.CANCELLED) for run in sweep.record.runs)
        sweep.retry()
        if not as_json:
            print_line(console_for(as_json=as_json), f"Runs queued again: {ended}.")
        print_sweep(sweep, as_json=as_json)


def extend(
    name: SweepName,
    *,
    scales: Annotated[
        list[float] | None, typer.Option("--scales", "--scale", help="Scales to add (--scales 3 6).")
    ] = None,
    seeds: Annotated[list[int] | None, typer.Option("--seeds", "--seed", help="Seeds to add (--seeds 5 6).")] = None,
    reuse: Annotated[
        bool | None,
        typer.Option(
            help="Copy the results of runs that were already trained. Default: as chosen when the sweep was submitted.",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """Add scales and seeds to a sweep. Only the new runs are trained."""
    with NoiseSweep(url, key) as service:
        sweep = find_sweep(service, name)
        before = len(sweep.record.runs)
        sweep.extend(scales=scales or [], seeds=seeds or [], reuse=reuse)
        added = len(sweep.record.runs) - before
        if not as_json:
            line = f"Runs added: {added}." if added else "No runs added: the sweep already has these scales and seeds."
            print_line(console_for(as_json=as_json), line)
        print_sweep(sweep, as_json=as_json)


def fresh_noise(name: SweepName, *, as_json: Json = False, url: Url = None, key: Key = None) -> None:
    """Submit the same sweep with new noise in every epoch.

    Only the training noise changes. Repeated, the command shows the same second sweep.
    """
    with NoiseSweep(url, key) as service:
        sweep = find_sweep(service, name)
        fresh = sweep.with_fresh_noise()
        print_sweep(fresh, as_json=as_json)
        if not as_json:
            line = f"Compare both with `noisesweep compare {sweep.id} {fresh.id}`."
            print_line(console_for(as_json=as_json), line)


def watch_until_end(sweep: SweepHandle, plot: Path | None, *, as_json: bool) -> None:
    """Show the progress of a sweep, then a table of its runs. Exit with 1 if not all runs have succeeded."""
    console = console_for(as_json=as_json)
    print_line(console, upper_first(describe_sweep(sweep.record)))
    try:
        record = show_progress(sweep.poll(), console)
    except KeyboardInterrupt:
        print_line(console, f"The sweep continues. Show its progress again with `noisesweep watch {sweep.id}`.")
        raise
    console.print(runs_table(record))
    if plot:
        print_line(console, f"Plot saved to {sweep.plot(plot)}")
    if as_json:
        print_json(record)
    else:
        print_line(console, f"Next: `noisesweep results {sweep.id}`, or `noisesweep open {sweep.id}` for its page.")
    exit_if_failed(record)


def print_sweep(sweep: SweepHandle, *, as_json: bool) -> None:
    """Print a sweep, and how to follow its progress."""
    if as_json:
        print_json(sweep.record)
        return
    console = console_for(as_json=as_json)
    print_line(console, upper_first(describe_sweep(sweep.record)))
    if sweep.record.status_detail:
        print_line(console, sweep.record.status_detail)
    cancelling = sum(run.cancel_requested for run in sweep.record.runs)
    if cancelling:
        print_line(console, f"Runs being cancelled: {cancelling}.")
    if not sweep.status.is_final:
        print_line(console, f"Show its progress with `noisesweep watch {sweep.id}`.")
