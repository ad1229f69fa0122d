"""Cache of the data set and the traced stack, so that a training process can reuse them for the next claim."""

import gc
from collections.abc import Callable
from math import prod

import numpy as np

from noisesweep.models import DatasetFacts, TrainingConfig
from shared import datasets
from shared.datasets import Dataset, facts_of, holdout_rows
from shared.errors import NoiseSweepError
from shared.noise import Purpose
from shared.settings import Settings
from worker import limits
from worker.trainer.images import NoisyImages
from worker.trainer.stack import Stack

# A pixel is stored as it was read and on the device, each time in one byte, and its noise is float32.
PIXEL_BYTES = 6


class NotEnoughMemoryError(NoiseSweepError):
    """The images and their noise do not fit into the memory of this host."""

    code = "not_enough_memory"


class StackCache:
    """Cache of the data set and the stack that were used last.

    Args:
        settings: The settings.
        load_added: Function that loads a data set that a client has added.
        xla: Whether to compile with XLA.
    """

    def __init__(self, settings: Settings, load_added: Callable[[DatasetFacts], Dataset], *, xla: bool) -> None:
        self._settings, self._load_added = settings, load_added
        self._xla = xla
        self._data: tuple[tuple[object, int], list[NoisyImages]] | None = None
        self._stack: Stack | None = None

    def get(self, config: TrainingConfig, runs: int) -> Stack:
        """Return a stack for this config and number of runs: the cached one if it matches, otherwise a new one.

        Raises:
            DatasetUnavailableError: The data set cannot be read on this host.
            NotEnoughMemoryError: The data set does not fit into the memory of this host.
        """
        if not self._stack or self._stack.config != config or self._stack.runs != runs:
            self._stack = None
            facts = facts_of(config)
            if self._data and self._data[0] != (facts.content, config.holdout):
                self._data = None
            gc.collect()  # free the old stack first: it and its traced functions form a reference cycle
            images = self._images(facts, config.holdout)
            self._stack = Stack(config, runs, *images, classes=facts.classes, xla=self._xla)
        return self._stack

    def _images(self, facts: DatasetFacts, holdout: int) -> list[NoisyImages]:
        """Return the images to train, validate and test on; without a holdout, validation and test are the same."""
        if not self._data:
            data = self._load(facts)
            images, labels = data.training_images, data.training_labels
            test = NoisyImages(data.validation_images, data.validation_labels, Purpose.VALIDATION_NOISE)
            held_out = holdout_rows(labels, holdout)
            others = np.setdiff1d(np.arange(len(labels)), held_out)
            parts = [NoisyImages(images, labels, Purpose.TRAINING_NOISE, others)]
            if holdout:
                parts.append(NoisyImages(images[held_out], labels[held_out], Purpose.HOLDOUT_NOISE))
            self._data = (facts.content, holdout), [*parts, test]
        return self._data[1]

    def _load(self, facts: DatasetFacts) -> Dataset:
        need = PIXEL_BYTES * (facts.training_images + facts.validation_images) * prod(facts.image_shape)
        if need > (free := limits.free_memory()):
            raise NotEnoughMemoryError(
                f"The images of {facts.name} and their noise need {need / 1e9:.1f} GB of memory, and {free / 1e9:.1f} "
                "are free on this host. Train on a host with more memory, or with fewer processes."
            )
        if facts.name in datasets.CATALOGUE:
            return datasets.load(facts.name, self._settings.data_dir)
        return self._load_added(facts)
