"""`noisesweep results | plot | compare | noise`."""

import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from noisesweep import NoiseSweep
from noisesweep.cli.common import Json, Key, SweepName, Url, find, people, picture_option, print_json
from noisesweep.cli.display import figures_table, noise_table, say
from noisesweep.client.fields import Kind, Theme
from noisesweep.models import Images

Width = Annotated[float | None, typer.Option(help="In inches, 2 to 12.", show_default=False)]
Height = Annotated[float | None, typer.Option(help="In inches, 2 to 12.", show_default=False)]
Dpi = Annotated[int | None, typer.Option(help="Pixels an inch, 50 to 300.", show_default="150")]
ThemeOption = Annotated[Theme, typer.Option(help="For light or for dark ground.")]
Log = Annotated[bool, typer.Option("--log", help="A logarithmic axis of scales.")]


def results(
    name: SweepName,
    *,
    file_format: Annotated[
        Literal["table", "csv", "json"],
        typer.Option("--format", help="The figures by scale as a table, or all epochs as CSV or JSON."),
    ] = "table",
    as_json: Json = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """Print what came out of a sweep."""
    with NoiseSweep(url, key) as service:
        sweep = find(service, name)
        if file_format == "csv" and not as_json:
            sys.stdout.buffer.write(sweep.csv())
        elif as_json or file_format == "json":
            print(sweep.figures().model_dump_json())
        else:
            summary = sweep.summary()
            console = people(as_json=False)
            console.print(figures_table(summary.scales))
            for line in (summary.sentence, summary.method, *summary.remarks):
                say(console, line)


def plot(
    name: SweepName,
    *,
    out: Annotated[Path, picture_option("Where it goes: .png, .svg or .pdf.")] = Path("noisesweep.png"),
    kind: Annotated[Kind, typer.Option(help="What it shows.")] = "accuracy",
    width: Width = None,
    height: Height = None,
    dpi: Dpi = None,
    theme: ThemeOption = "light",
    log: Log = False,
    samples: Annotated[bool, typer.Option("--samples", help="Show what each scale does to an image.")] = False,
    as_json: Json = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """Save a picture of a sweep."""
    options = _plot_options(width, height, dpi, theme, log=log) | ({"samples": True} if samples else {})
    with NoiseSweep(url, key) as service:
        sweep = find(service, name)
        _saved(sweep.plot(out, kind, **options), as_json=as_json)


def compare(
    names: Annotated[list[str], typer.Argument(metavar="SWEEP...", help="1 to 8 sweeps, each named as elsewhere.")],
    *,
    out: Annotated[Path, picture_option("Where it goes: .png, .svg or .pdf.")] = Path("comparison.png"),
    width: Width = None,
    height: Height = None,
    dpi: Dpi = None,
    theme: ThemeOption = "light",
    log: Log = False,
    as_json: Json = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """Save the curves of several sweeps in one picture."""
    with NoiseSweep(url, key) as service:
        sweeps = [find(service, name) for name in names]
        _saved(service.compare(sweeps, out, **_plot_options(width, height, dpi, theme, log=log)), as_json=as_json)


def noise(
    *,
    scales: Annotated[
        list[float] | None,
        typer.Option(
            "--scales", "--scale", help="Standard deviations of the noise, up to 8.", show_default="0.1 ... 4"
        ),
    ] = None,
    dataset: Annotated[str, typer.Option(help="On the images of this data set.")] = "mnist",
    images: Annotated[Images, typer.Option(help="Which of its images.")] = Images.TRAINING,
    indices: Annotated[
        list[int] | None, typer.Option(help="Places among them, up to 12.", show_default="-1 0 1 2 3 4")
    ] = None,
    seed: Annotated[int, typer.Option(help="That of the runs whose noise it is.")] = 0,
    clip: Annotated[bool, typer.Option("--clip", help="Clip noisy pixels to the range.")] = False,
    pixel_range: Annotated[int, typer.Option(help="What white is: 1 or 255.")] = 1,
    out: Annotated[Path | None, picture_option("Save it as a picture, too: .png, .svg or .pdf.")] = None,
    as_json: Json = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """Look at the noise before anything is trained on it: what it is like, and as a picture."""
    given: dict[str, Any] = {"scales": scales, "indices": indices}
    fields: Any = {field: value for field, value in given.items() if value}
    fields |= {"dataset": dataset, "images": images, "seed": seed, "clip": clip, "pixel_range": pixel_range}
    with NoiseSweep(url, key) as service:
        samples = service.noise(**fields)
        if as_json:
            print(samples.model_dump_json())
        else:
            people(as_json=False).print(noise_table(samples))
        if out:
            path = service.noise_plot(out, **fields)
            say(people(as_json=as_json), f"The picture: {path}")


def _plot_options(width: float | None, height: float | None, dpi: int | None, theme: Theme, *, log: bool) -> Any:  # noqa: ANN401 - PlotOptions
    given = {"width": width, "height": height, "dpi": dpi, "theme": theme, "log": log or None}
    return {field: value for field, value in given.items() if value is not None}


def _saved(path: Path, *, as_json: bool) -> None:
    if as_json:
        print_json({"picture": str(path)})
    else:
        print(f"The picture: {path}")
