"""Command that submits a sweep, and the options of the sweep."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import BaseModel

from noisesweep import NoiseSweep
from noisesweep.cli.common import Json, Key, Url, check_plot_path, parse_tags
from noisesweep.cli.output import console_for, print_json, print_line
from noisesweep.cli.sweeps import print_sweep, watch_until_end
from noisesweep.client.errors import WrongUsageError
from noisesweep.client.prose import format_duration
from noisesweep.models import (
    IMAGENET_C_SCALES,
    ConvolutionalNetwork,
    Keep,
    MultilayerPerceptron,
    NetworkKind,
    NoiseKind,
    NoiseOn,
    Precision,
    SweepRequest,
)

# Panels of the help.
GRID, NETWORK, NOISE, TRAINING, AFTERWARDS = "Sweep", "Network", "Noise", "Training", "After submission"
# Words of the API in descriptions of fields, and those of the command line.
WORDS = {
    "GET /datasets": "`noisesweep datasets list`",
    "GET /noise/kinds describes each one, and the scales that it accepts.": "`noisesweep noise` previews them.",
    ", as a Keras model at /runs/{id}/model": ", for `noisesweep model`",
    "`seeds`": "--seeds",
    "With keep_model, all": "All",
    "null trains all epochs.": "By default, all epochs are trained.",
    "If false, train all runs.": "--no-reuse trains all runs.",
}


def field_option(field: str, *names: str, of: type[BaseModel] = SweepRequest, panel: str = TRAINING) -> Any:  # noqa: ANN401 - typer.Option returns Any
    """Return an option for a field of a model, with the field's description and default."""
    info = of.model_fields[field]
    text = info.description or ""
    for word, replacement in WORDS.items():
        text = text.replace(word, replacement)
    default = info.get_default()
    shown = " ".join(map(str, default)) if isinstance(default, list) else str(default)
    is_hidden = default is None or isinstance(default, bool)
    return typer.Option(*names, help=text, show_default=False if is_hidden else shown, rich_help_panel=panel)


NETWORKS: dict[NetworkKind, type[BaseModel]] = {
    NetworkKind.MLP: MultilayerPerceptron,
    NetworkKind.CNN: ConvolutionalNetwork,
}

Scales = Annotated[
    list[float] | None,
    typer.Option("--scales", "--scale", help="One or more noise scales (--scales 0.1 0.5 1).", rich_help_panel=GRID),
]


def submit(
    scales: Scales = None,
    *,
    imagenet_c: Annotated[
        bool,
        typer.Option(
            "--imagenet-c",
            help="Use the scales of the five ImageNet-C severities of this noise, and clip the pixels.",
            rich_help_panel=GRID,
        ),
    ] = False,
    include_clean: Annotated[bool, field_option("include_clean", "--include-clean", panel=GRID)] = False,
    seeds: Annotated[list[int] | None, field_option("seeds", "--seeds", "--seed", panel=GRID)] = None,
    repeats: Annotated[int | None, field_option("repeats", panel=GRID)] = None,
    dataset: Annotated[str | None, field_option("dataset", panel=GRID)] = None,
    epochs: Annotated[int | None, field_option("epochs")] = None,
    batch_size: Annotated[int | None, field_option("batch_size")] = None,
    model: Annotated[
        NetworkKind,
        typer.Option(
            help="Network: a multilayer perceptron (mlp), or a convolutional network (cnn).", rich_help_panel=NETWORK
        ),
    ] = NetworkKind.MLP,
    hidden_units: Annotated[
        list[int] | None, field_option("hidden_units", of=MultilayerPerceptron, panel=NETWORK)
    ] = None,
    filters: Annotated[list[int] | None, field_option("filters", of=ConvolutionalNetwork, panel=NETWORK)] = None,
    kernel_size: Annotated[int | None, field_option("kernel_size", of=ConvolutionalNetwork, panel=NETWORK)] = None,
    dense_units: Annotated[
        list[int] | None, field_option("dense_units", of=ConvolutionalNetwork, panel=NETWORK)
    ] = None,
    dropout: Annotated[float | None, field_option("dropout", panel=NETWORK)] = None,
    learning_rate: Annotated[float | None, field_option("learning_rate")] = None,
    precision: Annotated[Precision | None, field_option("precision")] = None,
    noise: Annotated[NoiseKind | None, field_option("noise", panel=NOISE)] = None,
    test_noise: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KIND:SCALE,SCALE",
            help="Other kinds of noise to test the trained networks with (--test-noise shot:0.3,1 uniform:1).",
            rich_help_panel=NOISE,
        ),
    ] = None,
    noise_on: Annotated[NoiseOn | None, field_option("noise_on", panel=NOISE)] = None,
    clip: Annotated[bool, field_option("clip", "--clip", panel=NOISE)] = False,
    resample: Annotated[bool, field_option("resample", "--resample", panel=NOISE)] = False,
    holdout: Annotated[int | None, field_option("holdout")] = None,
    keep: Annotated[Keep | None, field_option("keep")] = None,
    patience: Annotated[int | None, field_option("patience")] = None,
    name: Annotated[str | None, field_option("name", panel=GRID)] = None,
    tags: Annotated[
        list[str] | None,
        typer.Option(
            "--tags",
            "--tag",
            metavar="KEY:VALUE",
            help="Tags of the sweep. `noisesweep list --tag` selects sweeps by tag.",
            rich_help_panel=GRID,
        ),
    ] = None,
    keep_model: Annotated[bool, field_option("keep_model", "--keep-model")] = False,
    reuse: Annotated[bool, field_option("reuse")] = True,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Print the estimated cost without submitting.", rich_help_panel=AFTERWARDS),
    ] = False,
    watch: Annotated[
        bool,
        typer.Option("--watch", help="Show the progress until the sweep has ended.", rich_help_panel=AFTERWARDS),
    ] = False,
    plot: Annotated[
        Path | None,
        typer.Option(
            dir_okay=False,
            callback=check_plot_path,
            help="Show the progress, then save a plot to this path (.png, .svg, .pdf).",
            rich_help_panel=AFTERWARDS,
        ),
    ] = None,
    as_json: Json = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """Submit a sweep: train one network per scale and seed.

    Only the scales are required: `noisesweep submit --scales 0.1 0.5 1 --watch`
    """
    given: dict[str, Any] = {
        "seeds": seeds,
        "repeats": repeats,
        "dataset": dataset,
        "epochs": epochs,
        "batch_size": batch_size,
        "model": _model(
            model, hidden_units=hidden_units, filters=filters, kernel_size=kernel_size, dense_units=dense_units
        ),
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
        "tags": parse_tags(tags or [], "--tags") or None,
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
            watch_until_end(sweep, plot, as_json=as_json)
        else:
            print_sweep(sweep, as_json=as_json)


def _model(kind: NetworkKind, **options: object) -> dict[str, object] | None:
    """Return the network of the options; None if all of them have their defaults.

    Raises:
        WrongUsageError: An option belongs to the other kind of network.
    """
    given: dict[str, object] = {name: value for name, value in options.items() if value is not None}
    other = NetworkKind.MLP if kind is NetworkKind.CNN else NetworkKind.CNN
    wrong = [name for name in given if name not in NETWORKS[kind].model_fields]
    if wrong:
        option = f"--{wrong[0].replace('_', '-')}"
        raise WrongUsageError(f"{option}: expected it with --model {other}, received --model {kind}")
    return {"kind": kind, **given} if given or kind is not NetworkKind.MLP else None


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


def _estimate(service: NoiseSweep, scales: Sequence[float], fields: Any, *, as_json: bool) -> None:  # noqa: ANN401 - SweepFields
    estimate = service.estimate(scales=scales, **fields)
    if as_json:
        print_json(estimate)
        return
    runs = f"{estimate.runs} run{'s' if estimate.runs > 1 else ''}"
    reused = f" ({estimate.reused_runs} reused)" if estimate.reused_runs else ""
    seconds = estimate.estimated_seconds
    time = (
        "unknown (no worker is alive, or the pace of its device is not known)"
        if seconds is None
        else f"{'roughly ' if estimate.is_rough else ''}{format_duration(seconds)}"
    )
    compute = f"Compute: {estimate.core_seconds:,.0f} core-seconds. " if estimate.core_seconds else ""
    models = f"Models to store: {estimate.model_bytes / 1e6:,.1f} MB. " if estimate.model_bytes else ""
    print_line(
        console_for(as_json=as_json),
        f"{runs}{reused}. Already in the queue: {estimate.queue_position}. Estimated time: {time}. {compute}{models}"
        "Nothing was submitted.",
    )
