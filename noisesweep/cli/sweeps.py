"""`noisesweep submit | list | show | watch | cancel | retry | extend`."""

from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer

from noisesweep import NoiseSweep, SweepHandle
from noisesweep.cli.common import Json, Key, SweepName, Url, exit_by, find, people, picture_path, print_json
from noisesweep.cli.display import print_sweeps, runs_table, say, tell_failures, watch
from noisesweep.client.errors import WrongUsageError
from noisesweep.client.prose import duration, in_words
from noisesweep.models import NoiseOn, Precision, RunStatus, SweepRequest


def described(field: str, *names: str) -> Any:  # noqa: ANN401 - as typer.Option itself
    """An option for a field of the request, in the request's own words."""
    info = SweepRequest.model_fields[field]
    default = info.get_default()
    shown = " ".join(map(str, default)) if isinstance(default, list) else str(default)
    is_plain = default is None or isinstance(default, bool)
    return typer.Option(*names, help=info.description, show_default=False if is_plain else shown)


Scales = Annotated[list[float], typer.Option(help="Standard deviations of the noise, one or more: --scales 0.1 0.5 1")]


def submit(
    scales: Scales,
    *,
    include_clean: Annotated[bool, described("include_clean", "--include-clean")] = False,
    seeds: Annotated[list[int] | None, described("seeds")] = None,
    repeats: Annotated[int | None, described("repeats")] = None,
    dataset: Annotated[str | None, described("dataset")] = None,
    epochs: Annotated[int | None, described("epochs")] = None,
    batch_size: Annotated[int | None, described("batch_size")] = None,
    hidden_units: Annotated[list[int] | None, described("hidden_units")] = None,
    dropout: Annotated[float | None, described("dropout")] = None,
    learning_rate: Annotated[float | None, described("learning_rate")] = None,
    precision: Annotated[Precision | None, described("precision")] = None,
    noise_on: Annotated[NoiseOn | None, described("noise_on")] = None,
    clip: Annotated[bool, described("clip", "--clip")] = False,
    resample: Annotated[bool, described("resample", "--resample")] = False,
    name: Annotated[str | None, described("name")] = None,
    tags: Annotated[
        list[str] | None, typer.Option("--tags", "--tag", help="Labels to find it by, each key:value.")
    ] = None,
    keep_model: Annotated[bool, described("keep_model", "--keep-model")] = False,
    reuse: Annotated[bool, described("reuse")] = True,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what it would cost.")] = False,
    watching: Annotated[bool, typer.Option("--watch", help="Show its progress until it has ended.")] = False,
    plot: Annotated[
        Path | None,
        typer.Option(dir_okay=False, callback=picture_path, help="Wait for the end, and save its plot here."),
    ] = None,
    as_json: Json = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """Submit a sweep: one network is trained per scale and seed. What is left out is as the service has it."""
    given: dict[str, Any] = {
        "seeds": seeds,
        "repeats": repeats,
        "dataset": dataset,
        "epochs": epochs,
        "batch_size": batch_size,
        "hidden_units": hidden_units,
        "dropout": dropout,
        "learning_rate": learning_rate,
        "precision": precision,
        "noise_on": noise_on,
        "name": name,
        "tags": _tags(tags or []) or None,
        "include_clean": include_clean or None,
        "clip": clip or None,
        "resample": resample or None,
        "keep_model": keep_model or None,
        "reuse": None if reuse else False,
    }
    fields: Any = {field: value for field, value in given.items() if value is not None}
    with NoiseSweep(url, key) as service:
        if dry_run:
            _estimate(service, scales, fields, as_json=as_json)
            return
        sweep = service.submit(scales=scales, **fields)
        if watching or plot:
            _watch(sweep, plot, as_json=as_json)
        else:
            _tell(sweep, as_json=as_json)


def list_sweeps(
    *,
    status: Annotated[RunStatus | None, typer.Option(help="Only those that stand so.")] = None,
    dataset: Annotated[str | None, typer.Option(help="Only those on this data set.")] = None,
    name: Annotated[str | None, typer.Option(help="Only those whose name begins so.")] = None,
    tags: Annotated[
        list[str] | None, typer.Option("--tags", "--tag", help="Only those with all these, each key or key:value.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 20,
    as_json: Json = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """List the sweeps, the newest first."""
    given: dict[str, Any] = {"status": status, "dataset": dataset, "name": name, "tags": tags}
    filters: Any = {field: value for field, value in given.items() if value is not None}
    with NoiseSweep(url, key) as service:
        sweeps = [sweep.record for sweep in islice(service.sweeps(**filters), limit)]
    if as_json:
        print_json([sweep.model_dump(mode="json") for sweep in sweeps])
    elif sweeps:
        print_sweeps(sweeps, people(as_json=as_json))
    else:
        print("There is no such sweep." if filters else "There is no sweep yet: `noisesweep submit` makes one.")


def show(name: SweepName, *, as_json: Json = False, url: Url = None, key: Key = None) -> None:
    """Show a sweep: its runs, how far they are, and what its curve says."""
    with NoiseSweep(url, key) as service:
        sweep = find(service, name)
        if as_json:
            print(sweep.record.model_dump_json())
            return
        summary = sweep.summary()
    console = people(as_json=as_json)
    for line in (in_words(sweep.record), sweep.record.status_detail, summary.sentence, *summary.remarks):
        if line:
            say(console, line)
    tell_failures(sweep.record, console)
    console.print(runs_table(sweep.record))


def watch_sweep(name: SweepName, *, as_json: Json = False, url: Url = None, key: Key = None) -> None:
    """Show a sweep's progress until it has ended; with --json its events, a line each. Exit 1 if runs failed."""
    with NoiseSweep(url, key) as service:
        sweep = find(service, name)
        if as_json:
            for event in sweep.follow():
                print(event.model_dump_json(), flush=True)
            exit_by(sweep.record)
        else:
            _watch(sweep, None, as_json=as_json)


def cancel(name: SweepName, *, as_json: Json = False, url: Url = None, key: Key = None) -> None:
    """Cancel what of a sweep has not ended; what was trained so far is kept."""
    with NoiseSweep(url, key) as service:
        _tell(find(service, name).cancel(), as_json=as_json)


def retry(name: SweepName, *, as_json: Json = False, url: Url = None, key: Key = None) -> None:
    """Train again what of a sweep failed or was cancelled."""
    with NoiseSweep(url, key) as service:
        _tell(find(service, name).retry(), as_json=as_json)


def extend(
    name: SweepName,
    *,
    scales: Annotated[list[float] | None, typer.Option(help="Scales to add: --scales 3 6")] = None,
    seeds: Annotated[list[int] | None, typer.Option(help="Seeds to add: --seeds 5 6")] = None,
    reuse: Annotated[
        bool | None,
        typer.Option(
            help="Answer runs that were trained before from those; by default as the sweep did.", show_default=False
        ),
    ] = None,
    as_json: Json = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """Add scales and seeds to a sweep; only what is new is trained."""
    with NoiseSweep(url, key) as service:
        sweep = find(service, name)
        before = len(sweep.record.runs)
        sweep.extend(scales=scales or [], seeds=seeds or [], reuse=reuse)
        added = len(sweep.record.runs) - before
        if not as_json:
            print(f"Runs added: {added}." if added else "The sweep had all of that already.")
        _tell(sweep, as_json=as_json)


def _tags(tags: list[str]) -> dict[str, str]:
    pairs = dict(tag.partition(":")[::2] for tag in tags)
    for label, value in pairs.items():
        if not value:
            raise WrongUsageError(f"--tags: {label!r} has no value: give it as key:value")
    return pairs


def _estimate(service: NoiseSweep, scales: list[float], fields: Any, *, as_json: bool) -> None:  # noqa: ANN401 - as submit's
    estimate = service.estimate(scales=scales, **fields)
    if as_json:
        print(estimate.model_dump_json())
        return
    runs = f"{estimate.runs} run{'s' if estimate.runs > 1 else ''}"
    reused = f", of which {estimate.reused_runs} trained before" if estimate.reused_runs else ""
    seconds = estimate.estimated_seconds
    time = (
        "unknown, as no epoch like theirs was trained lately or no worker is alive"
        if seconds is None
        else duration(seconds)
    )
    print(f"{runs}{reused}; {estimate.queue_position} to wait for before; until the end: {time}. Nothing was stored.")


def _watch(sweep: SweepHandle, plot: Path | None, *, as_json: bool) -> None:
    """Show the sweep's progress to its end, then its table; exit 1 if not all runs succeeded."""
    console = people(as_json=as_json)
    say(console, in_words(sweep.record))
    try:
        record = watch(sweep.poll(), console)
    except KeyboardInterrupt:
        say(console, f"The sweep goes on without you: `noisesweep watch {sweep.id}` looks again.")
        raise
    console.print(runs_table(record))
    if plot:
        say(console, f"The plot: {sweep.plot(plot)}")
    if as_json:
        print(record.model_dump_json())
    exit_by(record)


def _tell(sweep: SweepHandle, *, as_json: bool) -> None:
    if as_json:
        print(sweep.record.model_dump_json())
        return
    sentence = in_words(sweep.record)
    print(sentence[0].upper() + sentence[1:])
    if sweep.record.status_detail:
        print(sweep.record.status_detail)
    stopping = sum(run.cancel_requested for run in sweep.record.runs)
    if stopping:
        print(f"Runs that are about to stop: {stopping}.")
    if not sweep.status.is_final:
        print(f"`noisesweep watch {sweep.id}` shows how it gets on.")
