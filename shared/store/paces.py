"""Pace of training: seconds of recent epochs, by kind of training. Workers write them, and estimates read them."""

import time
from collections.abc import Iterable
from dataclasses import astuple, dataclass

from redis.client import Pipeline

from noisesweep.models import EpochMetrics, TrainingConfig
from shared.datasets import epoch_work, image_work
from shared.store.keys import PACES, pace

# Bounds of what is stored: recent epochs of each kind, recent kinds, and the time until a kind expires.
EPOCHS = 20
KINDS = 64
EXPIRY_SECONDS = 90 * 86_400

# Noise that is drawn once per image costs nothing in an epoch.
FIXED_NOISE = "fixed"


@dataclass(frozen=True)
class Kind:
    """Kind of training. Its epochs take about the same time on equal devices.

    Attributes:
        device: Kind of device.
        network: Kind of network.
        precision: Precision of the matrix products.
        noise: Kind of noise that is drawn again in every epoch, or FIXED_NOISE.
        batch_size: Images per minibatch.
        image_work: Multiply-adds of a forward pass for one image.
        images: Number of images to train on.
    """

    device: str
    network: str
    precision: str
    noise: str
    batch_size: int
    image_work: int
    images: int

    @classmethod
    def of(cls, config: TrainingConfig, device: str) -> "Kind":
        """Return the kind of a training."""
        per_image = image_work(config)
        noise = str(config.noise) if config.resample else FIXED_NOISE
        images = epoch_work(config) // per_image
        return cls(device, config.model.kind, config.precision, noise, config.batch_size, per_image, images)

    @classmethod
    def parse(cls, text: str) -> "Kind":
        """Parse the text of a kind. Raise ValueError if another version has written it."""
        device, network, precision, noise, batch_size, per_image, images = text.split(":")
        return cls(device, network, precision, noise, int(batch_size), int(per_image), int(images))

    def __str__(self) -> str:
        return ":".join(map(str, astuple(self)))


def add_epoch(pipeline: Pipeline, kind: Kind, metrics: EpochMetrics, seconds: float) -> None:
    """Add an epoch of one run, which took this many seconds of its device, to a pipeline."""
    key, text = pace(str(kind)), str(kind)
    pipeline.lpush(key, f"{metrics.epoch}:{seconds:.6g}")
    pipeline.ltrim(key, 0, EPOCHS - 1)
    pipeline.expire(key, EXPIRY_SECONDS)
    pipeline.zadd(PACES, {text: time.time()})
    pipeline.zremrangebyrank(PACES, 0, -KINDS - 1)


def read_epochs(entries: Iterable[str]) -> list[tuple[int, float]]:
    """Return index and seconds of the stored epochs of a kind, newest first."""
    pairs = (entry.split(":") for entry in entries)
    return [(int(epoch), float(seconds)) for epoch, seconds in pairs]
