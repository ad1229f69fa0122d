"""Types of the client's keyword arguments. The service sets the defaults of omitted arguments."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, Required, TypedDict

from noisesweep.models import Keep, NoiseKind, NoiseOn, Precision, RunStatus

PlotKind = Literal["accuracy", "epochs", "matrix", "confusion"]
Theme = Literal["light", "dark"]
# A name from GET /datasets: "mnist", "fashion_mnist" or "digits".
Dataset = str


class MlpFields(TypedDict, total=False):
    """Fields of a multilayer perceptron. See noisesweep.models.MultilayerPerceptron for their meaning."""

    kind: Required[Literal["mlp"]]
    hidden_units: Sequence[int]


class CnnFields(TypedDict, total=False):
    """Fields of a convolutional network. See noisesweep.models.ConvolutionalNetwork for their meaning."""

    kind: Required[Literal["cnn"]]
    filters: Sequence[int]
    kernel_size: int
    dense_units: Sequence[int]


class SweepFields(TypedDict, total=False):
    """Fields of a sweep except its scales. See noisesweep.models.SweepRequest for their meaning."""

    include_clean: bool
    seeds: Iterable[int]
    repeats: int
    dataset: Dataset
    epochs: int
    batch_size: int
    model: MlpFields | CnnFields
    hidden_units: Iterable[int]
    dropout: float
    learning_rate: float
    precision: Precision | Literal["float32", "mixed_bfloat16"]
    noise: NoiseKind | Literal["gaussian", "uniform", "salt_and_pepper", "speckle", "shot"]
    test_noise: Mapping[NoiseKind, Sequence[float]] | Mapping[str, Sequence[float]]
    noise_on: NoiseOn | Literal["both", "train", "validation"]
    clip: bool
    resample: bool
    holdout: int
    keep: Keep | Literal["last", "best"]
    patience: int
    name: str
    tags: Mapping[str, str]
    keep_model: bool
    reuse: bool


class EditFields(TypedDict, total=False):
    """Changes of a sweep. An omitted one stays as it is.

    Attributes:
        name: New name; None removes the name.
        tags: Tags to add or to replace. A tag with the value None is removed, and None instead of a mapping removes all
            tags.
    """

    name: str | None
    tags: Mapping[str, str | None] | None


class Filters(TypedDict, total=False):
    """Filters for listing sweeps. A sweep must match all given filters.

    Attributes:
        status: Status of the sweep.
        dataset: Name of the data set.
        name: Beginning of the sweep's name.
        tags: Tags that the sweep must have, each `key` or `key:value`.
        submitter: Name of the API key that the sweep was submitted with.
    """

    status: RunStatus | Literal["queued", "running", "succeeded", "failed", "cancelled"]
    dataset: Dataset
    name: str
    tags: Iterable[str]
    submitter: str


class PlotOptions(TypedDict, total=False):
    """Options of a plot.

    Attributes:
        width: Width in inches, 2 to 12.
        height: Height in inches, 2 to 12.
        dpi: Resolution in pixels per inch, 50 to 300.
        theme: Colours for a light or a dark background.
        log: True for a logarithmic axis of the noise scales.
        samples: True to show a sample image with the noise of each scale below the scale axis.
    """

    width: float
    height: float
    dpi: int
    theme: Theme
    log: bool
    samples: bool


class NoiseFields(TypedDict, total=False):
    """Parameters of a noise preview.

    Attributes:
        dataset: Name of the data set.
        images: Training or validation images.
        indices: Up to 12 indices of images. Negative indices count from the end.
        scales: Up to 8 scales, in units of `pixel_range`.
        kinds: Kinds of noise, each shown with all scales.
        seed: Seed of the runs that train on this noise.
        clip: True to clip noisy pixels to the pixel range.
        pixel_range: Pixel value of white.
    """

    dataset: Dataset
    images: Literal["training", "validation"]
    indices: Iterable[int]
    scales: Iterable[float]
    kinds: Iterable[NoiseKind | str]
    seed: int
    clip: bool
    pixel_range: Literal[1, 255]
