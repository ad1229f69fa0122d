"""Keyword arguments of the client's methods. The service's defaults apply to omitted ones."""

from collections.abc import Iterable, Mapping
from typing import Literal, TypedDict

from noisesweep.models import NoiseOn, Precision, RunStatus

Kind = Literal["accuracy", "epochs", "matrix", "confusion"]
Theme = Literal["light", "dark"]
# A name of GET /datasets: "mnist", "fashion_mnist" or "digits".
Dataset = str


class SweepFields(TypedDict, total=False):
    """Fields of a sweep besides its scales; noisesweep.models.SweepRequest describes each."""

    include_clean: bool
    seeds: Iterable[int]
    repeats: int
    dataset: Dataset
    epochs: int
    batch_size: int
    hidden_units: Iterable[int]
    dropout: float
    learning_rate: float
    precision: Precision | Literal["float32", "mixed_bfloat16"]
    noise_on: NoiseOn | Literal["both", "train", "validation"]
    clip: bool
    resample: bool
    name: str
    tags: Mapping[str, str]
    keep_model: bool
    reuse: bool


class Filters(TypedDict, total=False):
    """Filters of a list of sweeps. An omitted filter matches every sweep.

    Attributes:
        status: That they stand so.
        dataset: That they are on this data set.
        name: That their name begins so.
        tags: That they have all these tags, each `key` or `key:value`.
    """

    status: RunStatus | Literal["queued", "running", "succeeded", "failed", "cancelled"]
    dataset: Dataset
    name: str
    tags: Iterable[str]


class PlotOptions(TypedDict, total=False):
    """Options of a picture.

    Attributes:
        width: In inches, 2 to 12.
        height: Likewise.
        dpi: Pixels an inch, 50 to 300.
        theme: For light or for dark ground.
        log: Whether an axis of scales is logarithmic.
        samples: Whether a strip under an axis of scales shows what each scale does to an image.
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
        dataset: On the images of this data set.
        images: Those trained on, or those validated on.
        indices: Places among them, up to 12; negative ones count from the end.
        scales: Up to 8 standard deviations, in the unit of `pixel_range`.
        seed: That of the runs whose noise it is.
        clip: Whether noisy pixels are clipped to the range.
        pixel_range: What white is.
    """

    dataset: Dataset
    images: Literal["training", "validation"]
    indices: Iterable[int]
    scales: Iterable[float]
    seed: int
    clip: bool
    pixel_range: Literal[1, 255]
