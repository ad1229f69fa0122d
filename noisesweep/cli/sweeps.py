"""Commands that create, show and change sweeps."""

from collections.abc import Sequence
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
    check_plot_path,
    exit_if_failed,
    find_sweep,
)
from noisesweep.cli.display import print_errors, print_sweeps, runs_table, show_progress
from noisesweep.cli.output import console_for, print_json, print_line
from noisesweep.client.errors import WrongUsageError
from noisesweep.client.prose import describe_sweep, format_duration
from noisesweep.models import IMAGENET_C_SCALES, Keep, NoiseKind, NoiseOn, Precision, RunStatus, SweepRequest


def field_option(field: str, *names: str) -> Any:  # noqa: ANN401 - typer.Option returns Any
    """Return an option for a field of SweepRequest, with the field's description and default."""
    info = SweepRequest.model_fields[field]
    default = info.get_default()
    shown = " ".join(map(str, default)) if isinstance(default, list) else str(default)
    is_hidden = default is None or isinstance(default, bool)
    return typer.Option(*names, help=info.description, show_default=False if is_hidden else shown)


Scales = Annotated[list[float] | None, typer.Option(help="One or more noise scales: --scales 0.1 0.5 1")]


def submit(
    scales: Scales = None,
    *,
    imagenet_c: Annotated[
        bool,
        typer.Option(
            "--imagenet-c", help="Use the scales of the five ImageNet-C severities of this noise, and clip the pixels."
        ),
    ] = False,
    include_clean: Annotated[bool, field_option("include_clean", "--include-clean")] = False,
    seeds: Annotated[list[int] | None, field_option("seeds")] = None,
    repeats: Annotated[int | None, field_option("repeats")] = None,
    dataset: Annotated[str | None, field_option("dataset")] = None,
    epochs: Annotated[int | None, field_option("epochs")] = None,
    batch_size: Annotated[int | None, field_option("batch_size")] = None,
    hidden_units: Annotated[list[int] | None, field_option("hidden_units")] = None,
    dropout: Annotated[float | None, field_option("dropout")] = None,
    learning_rate: Annotated[float | None, field_option("learning_rate")] = None,
    precision: Annotated[Precision | None, field_option("precision")] = None,
    noise: Annotated[NoiseKind | None, field_option("noise")] = None,
    test_noise: Annotated[
        list[str] | None,
        typer.Option(help="Other kinds of noise to test the trained networks with: --test-noise shot:0.3,1 uniform:1"),
    ] = None,
    noise_on: Annotated[NoiseOn | None, field_option("noise_on")] = None,
    clip: Annotated[bool, field_option("clip", "--clip")] = False,
    resample: Annotated[bool, field_option("resample", "--resample")] = False,
    holdout: Annotated[int | None, field_option("holdout")] = None,
    keep: Annotated[Keep | None, field_option("keep")] = None,
    patience: Annotated[int | None, field_option("patience")] = None,
    name: Annotated[str | None, field_option("name")] = None,
    tags: Annotated[
        list[str] | None,
        typer.Option("--tags", "--tag", help="Tags of the sweep, each key:value. `list --tag` selects sweeps by tag."),
    ] = None,
    keep_model: Annotated[bool, field_option("keep_model", "--keep-model")] = False,
    reuse: Annotated[bool, field_option("reuse")] = True,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the estimated cost without submitting.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Show the progress until the sweep has ended.")] = False,
    plot: Annotated[
        Path | None,
        typer.Option(
            dir_okay=False,
            callback=check_plot_path,
            help="Show the progress, then save a plot to this path (.png, .svg, .pdf).",
        ),
    ] = None,
    as_json: Json = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """Submit a sweep, which trains one network per scale and seed."""
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
        "noise": noise,
        "test_noise": _test_noise(test_noise or []) or None,
        "noise_on": noise_on,
        "holdout": holdout,
        "keep": keep,
        "patience": patience,
        "name": name,
        "tags": _tags(tags or []) or None,
        "include_clean": include_clean or None,
        "clip": clip or imagenet_c or None,
        "resample": resample or None,
        "keep_model": keep_model or None,
        "reuse": None if reuse else False,
    }
    fields: Any = {field: value for field, value in given.items() if value is not None}
    chosen = _scales(scales, noise or NoiseKind.GAUSSIAN, imagenet_c=imagenet_c)
    with NoiseSweep(url, key) as service:
        if dry_run:
            _estimate(service, chosen, fields, as_json=as_json)
            return
        sweep = service.submit(scales=chosen, **fields)
        if watch or plot:
            _watch(sweep, plot, as_json=as_json)
        else:
            _print_sweep(sweep, as_json=as_json)


def _scales(scales: list[float] | None, kind: NoiseKind, *, imagenet_c: bool) -> Sequence[float]:
    """Return the scales of the option, or those of ImageNet-C.

    Raises:
        WrongUsageError: Both or neither are given, or ImageNet-C has no such noise.
    """
    if bool(scales) == imagenet_c:
        raise WrongUsageError(f"expected --scales or --imagenet-c, received {'both' if scales else 'neither'}")
    if imagenet_c and kind not in IMAGENET_C_SCALES:
        known = ", ".join(IMAGENET_C_SCALES)
        raise WrongUsageError(f"--imagenet-c: expected --noise with one of {known}, received {kind}")
    return scales or IMAGENET_C_SCALES[kind]


def list_sweeps(
    *,
    status: Annotated[RunStatus | None, typer.Option(help="Only sweeps with this status.")] = None,
    dataset: Annotated[str | None, typer.Option(help="Only sweeps on this data set.")] = None,
    name: Annotated[str | None, typer.Option(help="Only sweeps whose name begins with this text.")] = None,
    tags: Annotated[
        list[str] | None,
        typer.Option("--tags", "--tag", help="Only sweeps with all of these tags, each key or key:value."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Maximum number of sweeps.")] = 20,
    as_json: Json = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """List sweeps, newest first."""
    given: dict[str, Any] = {"status": status, "dataset": dataset, "name": name, "tags": tags}
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
    """Show a sweep: status, summary of the accuracy curve, and a table of the runs."""
    with NoiseSweep(url, key) as service:
        sweep = find_sweep(service, name)
        if as_json:
            print_json(sweep.record)
            return
        summary = sweep.summary()
    console = console_for(as_json=as_json)
    for line in (describe_sweep(sweep.record), sweep.record.status_detail, summary.sentence, *summary.remarks):
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
            _watch(sweep, None, as_json=as_json)


def cancel(name: SweepName, *, as_json: Json = False, url: Url = None, key: Key = None) -> None:
    """Cancel the unfinished runs of a sweep. Their stored epochs are kept."""
    with NoiseSweep(url, key) as service:
        _print_sweep(find_sweep(service, name).cancel(), as_json=as_json)


def retry(name: SweepName, *, as_json: Json = False, url: Url = None, key: Key = None) -> None:
    """Queue the failed and cancelled runs of a sweep again."""
    with NoiseSweep(url, key) as service:
        _print_sweep(find_sweep(service, name).retry(), as_json=as_json)


def extend(
    name: SweepName,
    *,
    scales: Annotated[list[float] | None, typer.Option(help="Scales to add: --scales 3 6")] = None,
    seeds: Annotated[list[int] | None, typer.Option(help="Seeds to add: --seeds 5 6")] = None,
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
        _print_sweep(sweep, as_json=as_json)


def fresh_noise(name: SweepName, *, as_json: Json = False, url: Url = None, key: Key = None) -> None:
    """Submit the same sweep with new training noise in every epoch. Repeated, show the same second sweep."""
    with NoiseSweep(url, key) as service:
        sweep = find_sweep(service, name)
        fresh = sweep.with_fresh_noise()
        _print_sweep(fresh, as_json=as_json)
        if not as_json:
            line = f"Compare both with `noisesweep compare {sweep.id} {fresh.id}`."
            print_line(console_for(as_json=as_json), line)


def _test_noise(options: list[str]) -> dict[str, list[float]]:
    """Return the scales by kind of noise, from options like `shot:0.3,1`."""
    kinds: dict[str, list[float]] = {}
    for option in options:
        kind, _, scales = option.partition(":")
        try:
            kinds.setdefault(kind, []).extend(map(float, scales.split(",")))
        except ValueError:
            raise WrongUsageError(f"--test-noise: expected kind:scale,scale, received {option!r}") from None
    return kinds


def _tags(tags: list[str]) -> dict[str, str]:
    pairs = dict(tag.partition(":")[::2] for tag in tags)
    for tag_key, value in pairs.items():
        if not value:
            raise WrongUsageError(f"--tags: expected key:value, received {tag_key!r}")
    return pairs


def _estimate(service: NoiseSweep, scales: Sequence[float], fields: Any, *, as_json: bool) -> None:  # noqa: ANN401 - SweepFields
    estimate = service.estimate(scales=scales, **fields)
    if as_json:
        print_json(estimate)
        return
    runs = f"{estimate.runs} run{'s' if estimate.runs > 1 else ''}"
    reused = f" ({estimate.reused_runs} reused)" if estimate.reused_runs else ""
    seconds = estimate.estimated_seconds
    time = (
        "unknown (no worker is alive, or no similar training was measured recently)"
        if seconds is None
        else format_duration(seconds)
    )
    models = f"Models to store: {estimate.model_bytes / 1e6:,.1f} MB. " if estimate.model_bytes else ""
    print_line(
        console_for(as_json=as_json),
        f"{runs}{reused}. Already in the queue: {estimate.queue_position}. Estimated time: {time}. {models}"
        "Nothing was submitted.",
    )


def _watch(sweep: SweepHandle, plot: Path | None, *, as_json: bool) -> None:
    """Show the progress of a sweep, then a table of its runs. Exit with 1 if not all runs have succeeded."""
    console = console_for(as_json=as_json)
    print_line(console, describe_sweep(sweep.record))
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
    exit_if_failed(record)


def _print_sweep(sweep: SweepHandle, *, as_json: bool) -> None:
    if as_json:
        print_json(sweep.record)
        return
    console, sentence = console_for(as_json=as_json), describe_sweep(sweep.record)
    print_line(console, sentence[0].upper() + sentence[1:])
    if sweep.record.status_detail:
        print_line(console, sweep.record.status_detail)
    cancelling = sum(run.cancel_requested for run in sweep.record.runs)
    if cancelling:
        print_line(console, f"Runs being cancelled: {cancelling}.")
    if not sweep.status.is_final:
        print_line(console, f"Show its progress with `noisesweep watch {sweep.id}`.")
