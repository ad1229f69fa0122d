"""Commands for data sets."""

from pathlib import Path
from typing import Annotated

import typer

from noisesweep import NoiseSweep
from noisesweep.cli.common import Json, Key, Url, plot_path_option
from noisesweep.cli.display import datasets_table
from noisesweep.cli.output import console_for, print_json, print_line
from noisesweep.models import DatasetInfo

app = typer.Typer(no_args_is_help=True, help="List the data sets, and add and delete your own.")
DatasetName = Annotated[str, typer.Argument(metavar="NAME", help="Name of the data set.")]


@app.command("list")
def list_datasets(*, as_json: Json = False, url: Url = None, key: Key = None) -> None:
    """List the data sets."""
    with NoiseSweep(url, key) as service:
        found = service.datasets()
    if as_json:
        print_json([info.model_dump(mode="json") for info in found])
    else:
        console_for(as_json=False).print(datasets_table(found))


@app.command()
def show(
    name: DatasetName,
    *,
    out: Annotated[
        Path | None, plot_path_option("Save a picture with the first images of each class (.png, .svg, .pdf).")
    ] = None,
    as_json: Json = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """Describe a data set."""
    with NoiseSweep(url, key) as service:
        info = service.dataset(name)
        _print(info, as_json=as_json)
        if out:
            path = service.dataset_plot(name, out)
            print_line(console_for(as_json=as_json), f"Plot saved to {path}")


@app.command()
def add(
    name: DatasetName,
    path: Annotated[
        Path,
        typer.Argument(
            help="An .npz file with the arrays x_train, y_train, x_test and y_test of type uint8, and optionally "
            "class_names; or a folder with the four IDX files of MNIST, with their names."
        ),
    ],
    *,
    description: Annotated[str, typer.Option(help="Content, origin and preprocessing of the images.")] = "",
    as_json: Json = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """Add a data set of your own: grey images of 8x8 to 64x64 pixels in 2 to 100 classes."""
    with NoiseSweep(url, key) as service:
        info = service.add_dataset(name, path, description=description)
    _print(info, as_json=as_json)
    if not as_json:
        print_line(console_for(as_json=False), f"Next: noisesweep submit --dataset {name} --scales 0.1 0.5 1")


@app.command()
def delete(name: DatasetName, *, url: Url = None, key: Key = None) -> None:
    """Delete a data set that was added. No sweep may need it."""
    with NoiseSweep(url, key) as service:
        service.delete_dataset(name)
    print_line(console_for(as_json=False), f"Data set {name} deleted.")


def _print(info: DatasetInfo, *, as_json: bool) -> None:
    if as_json:
        print_json(info)
        return
    height, width = info.image_shape
    console = console_for(as_json=False)
    print_line(
        console,
        f"Data set {info.name}: {info.training_images:,} training and {info.validation_images:,} validation images of "
        f"{height}x{width} pixels in {info.classes} classes",
    )
    counts = zip(info.class_names, info.training_counts, strict=True)
    print_line(console, f"Training images: {', '.join(f'{name} {count:,}' for name, count in counts)}")
    for text in (info.description, info.licence, info.citation):
        if text:
            print_line(console, text)
    print_line(console, f"SHA-256 {info.sha256}")
