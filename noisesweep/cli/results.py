"""`noisesweep results | plot | compare | noise`."""

import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from noisesweep import NoiseSweep, SweepHandle
from noisesweep.cli.common import Json, Key, SweepName, Url, find_sweep, plot_path_option
from noisesweep.cli.completion import complete_sweep
from noisesweep.cli.display import (
    comparison_lines,
    comparison_table,
    limit_table,
    noise_table,
    statistics_table,
    transfer_table,
)
from noisesweep.cli.output import console_for, print_json, print_line
from noisesweep.client.errors import RefusedError, WrongUsageError
from noisesweep.client.fields import PlotKind, Theme
from noisesweep.client.prose import describe_sweep
from noisesweep.models import Comparison, Images, NoiseKind

Width = Annotated[float | None, typer.Option(help="Width in inches, 2 to 12.", show_default=False)]
Height = Annotated[float | None, typer.Option(help="Height in inches, 2 to 12.", show_default=False)]
Dpi = Annotated[int | None, typer.Option(help="Resolution in pixels per inch, 50 to 300.", show_default="150")]
ThemeOption = Annotated[Theme, typer.Option(help="Colours for a light or a dark background.")]
MIN_TRANSFER = 2  # sweeps
Log = Annotated[bool, typer.Option("--log", help="Use a logarithmic axis for the noise scales.")]


def results(
    name: SweepName,
    *,
    file_format: Annotated[
        Literal["table", "csv", "json"],
        typer.Option("--format", help="table: statistics by scale. csv, json: metrics of all epochs."),
    ] = "table",
    as_json: Json = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """Print the results of a sweep."""
    with NoiseSweep(url, key) as service:
        sweep = find_sweep(service, name)
        if file_format == "csv" and not as_json:
            sys.stdout.buffer.write(sweep.csv())
        elif as_json or file_format == "json":
            print_json(sweep.typed_results())
        else:
            summary = sweep.summary()
            console = console_for(as_json=False)
            if summary.scales:
                console.print(statistics_table(summary.scales))
            for line in (summary.sentence, f"{summary.method}.", *summary.remarks):
                print_line(console, line)


def plot(
    name: SweepName,
    *,
    out: Annotated[Path, plot_path_option("Path of the plot: .png, .svg or .pdf.")] = Path("noisesweep.png"),
    kind: Annotated[
        PlotKind,
        typer.Option(
            help="accuracy: accuracy by scale. epochs: accuracy by epoch, one panel per scale. matrix: validation "
            "accuracy by training scale and test scale. confusion: one confusion matrix per scale."
        ),
    ] = "accuracy",
    width: Width = None,
    height: Height = None,
    dpi: Dpi = None,
    theme: ThemeOption = "light",
    log: Log = False,
    samples: Annotated[
        bool, typer.Option("--samples", help="Show a sample image with the noise of each scale.")
    ] = False,
    as_json: Json = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """Save a plot of a sweep."""
    options = _plot_options(width, height, dpi, theme, log=log) | ({"samples": True} if samples else {})
    with NoiseSweep(url, key) as service:
        sweep = find_sweep(service, name)
        _print_path(sweep.plot(out, kind, **options), as_json=as_json)


def compare(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="SWEEP...",
            help="1 to 8 sweeps: their ids, the beginnings of their ids, or `last`.",
            autocompletion=complete_sweep,
        ),
    ],
    *,
    out: Annotated[Path, plot_path_option("Path of the plot: .png, .svg or .pdf.")] = Path("comparison.png"),
    width: Width = None,
    height: Height = None,
    dpi: Dpi = None,
    theme: ThemeOption = "light",
    log: Log = False,
    as_json: Json = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """Plot the accuracy curves of several sweeps together.

    Also compare two sweeps in numbers.
    """
    options = _plot_options(width, height, dpi, theme, log=log)
    with NoiseSweep(url, key) as service:
        sweeps = [find_sweep(service, name) for name in names]
        path, warnings = service.compare(sweeps, out, **options), service.comparison_warnings(sweeps)
        described = [describe_sweep(sweep.record) for sweep in sweeps]
        in_numbers = len(sweeps) == 2  # noqa: PLR2004 - two sweeps are compared
        comparison = _comparison(service, *sweeps, as_json=as_json) if in_numbers else None
    if as_json:
        numbers = {"comparison": comparison and comparison.model_dump(mode="json")} if in_numbers else {}
        print_json({"picture": str(path), "warnings": warnings} | numbers)
        return
    console = console_for(as_json=False)
    for warning in warnings:
        print_line(console, warning)
    if comparison:
        for letter, line in zip("AB", described, strict=True):
            print_line(console, f"{letter}: {line}")
        if comparison.scales:
            console.print(comparison_table(comparison))
        for line in comparison_lines(comparison):
            print_line(console, line)
    _print_path(path, as_json=False)


def transfer(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="SWEEP...",
            help="2 to 8 sweeps: their ids, the beginnings of their ids, or `last`.",
            autocompletion=complete_sweep,
        ),
    ],
    *,
    scales: Annotated[
        list[float] | None,
        typer.Option("--scales", "--scale", help="Training scale of each sweep.", show_default="as tested"),
    ] = None,
    out: Annotated[Path | None, plot_path_option("Also save a plot of the table: .png, .svg or .pdf.")] = None,
    as_json: Json = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """Print how networks classify with the noise of other sweeps.

    The networks of each sweep were tested with the noise of the others (`noisesweep submit --test-noise`).
    """
    if len(names) < MIN_TRANSFER:
        raise WrongUsageError(f"expected {MIN_TRANSFER} or more sweeps, received {len(names)}")
    with NoiseSweep(url, key) as service:
        sweeps = [find_sweep(service, name) for name in names]
        table = service.transfer(sweeps, scales or [])
        console = console_for(as_json=as_json)
        if as_json:
            print_json(table)
        else:
            console.print(transfer_table(table))
            for line in (table.sentence, *table.remarks):
                print_line(console, line)
        if out:
            print_line(console, f"Plot saved to {service.transfer_plot(sweeps, out, scales or [])}")


def _comparison(service: NoiseSweep, first: SweepHandle, second: SweepHandle, *, as_json: bool) -> Comparison | None:
    """Return the comparison of two sweeps. If they cannot be compared, print the reason and return None."""
    try:
        return service.comparison(first, second)
    except RefusedError as refused:
        if not refused.problem.type.endswith("/not-comparable"):
            raise
        print_line(console_for(as_json=as_json), str(refused))
        return None


def noise(
    *,
    scales: Annotated[
        list[float] | None,
        typer.Option("--scales", "--scale", help="Up to 8 scales of the noise.", show_default="0.1 ... 4"),
    ] = None,
    kinds: Annotated[
        list[NoiseKind] | None,
        typer.Option("--kinds", help="Kinds of noise. Without one: Gaussian noise.", show_default="gaussian"),
    ] = None,
    dataset: Annotated[str, typer.Option(help="Name of the data set.")] = "mnist",
    images: Annotated[Images, typer.Option(help="Training or validation images.")] = Images.TRAINING,
    indices: Annotated[
        list[int] | None,
        typer.Option(
            help="Indices of up to 12 images. Negative indices count from the end.", show_default="-1 0 1 2 3 4"
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the runs that train on this noise.")] = 0,
    clip: Annotated[bool, typer.Option("--clip", help="Clip noisy pixels to the pixel range.")] = False,
    pixel_range: Annotated[int, typer.Option(help="Pixel value of white: 1 or 255.")] = 1,
    out: Annotated[Path | None, plot_path_option("Also save a plot of the images: .png, .svg or .pdf.")] = None,
    as_json: Json = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """Preview the noise without training.

    Print its statistics, and plot sample images with --out.
    """
    given: dict[str, Any] = {"scales": scales, "kinds": kinds, "indices": indices}
    fields: Any = {field: value for field, value in given.items() if value}
    fields |= {"dataset": dataset, "images": images, "seed": seed, "clip": clip, "pixel_range": pixel_range}
    with NoiseSweep(url, key) as service:
        samples = service.noise(**fields)
        if as_json:
            print_json(samples)
        else:
            console_for(as_json=False).print(noise_table(samples))
        if out:
            path = service.noise_plot(out, **fields)
            print_line(console_for(as_json=as_json), f"Plot saved to {path}")


def ideal(
    dataset: Annotated[str, typer.Argument(help="Name of the data set.")] = "mnist",
    *,
    scales: Annotated[
        list[float] | None,
        typer.Option("--scales", "--scale", help="Noise scales.", show_default="the scales of the table"),
    ] = None,
    clip: Annotated[bool, typer.Option("--clip", help="Clip noisy pixels to the range [0, 1].")] = False,
    as_json: Json = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """Print the best possible accuracy on a data set with noise.

    No classifier is better than the upper end.
    """
    with NoiseSweep(url, key) as service:
        limit = service.ideal(dataset, scales or [], clip=clip)
    if as_json:
        print_json(limit)
        return
    console = console_for(as_json=False)
    console.print(limit_table(limit))
    print_line(console, "At least and at most: on images like the training images.")
    print_line(console, f"Chance, always naming the commonest class: {limit.chance:.1%}")


def _plot_options(width: float | None, height: float | None, dpi: int | None, theme: Theme, *, log: bool) -> Any:  # noqa: ANN401 - PlotOptions
    given = {"width": width, "height": height, "dpi": dpi, "theme": theme, "log": log or None}
    return {field: value for field, value in given.items() if value is not None}


def _print_path(path: Path, *, as_json: bool) -> None:
    if as_json:
        print_json({"picture": str(path)})
    else:
        print_line(console_for(as_json=as_json), f"Plot saved to {path}")
