"""Cache of the data set and the traced stack, so that a training process can reuse them for the next claim."""

import gc

import numpy as np

from noisesweep.models import TrainingConfig
from shared import datasets
from shared.datasets import CATALOGUE, holdout_rows
from shared.noise import Purpose
from shared.settings import Settings
from worker.trainer.images import NoisyImages
from worker.trainer.stack import Stack


class StackCache:
    """Cache of the data set and the stack that were used last."""

    def __init__(self, settings: Settings, *, xla: bool) -> None:
        self._settings = settings
        self._xla = xla
        self._data: tuple[tuple[str, int], list[NoisyImages]] | None = None
        self._stack: Stack | None = None

    def get(self, config: TrainingConfig, runs: int) -> Stack:
        """Return a stack for this config and number of runs: the cached one if it matches, otherwise a new one.

        Raises:
            DatasetUnavailableError: The data set cannot be read on this host.
        """
        if not self._stack or self._stack.config != config or self._stack.runs != runs:
            self._stack = None
            if self._data and self._data[0] != (config.dataset, config.holdout):
                self._data = None
            gc.collect()  # free the old stack first: it and its traced functions form a reference cycle
            classes = CATALOGUE[config.dataset].classes
            self._stack = Stack(
                config, runs, *self._images(config.dataset, config.holdout), classes=classes, xla=self._xla
            )
        return self._stack

    def _images(self, name: str, holdout: int) -> list[NoisyImages]:
        """Return the images to train, validate and test on; without a holdout, validation and test are the same."""
        if not self._data:
            data = datasets.load(name, self._settings.data_dir)
            images, labels = data.training_images, data.training_labels
            test = NoisyImages(data.validation_images, data.validation_labels, Purpose.VALIDATION_NOISE)
            held_out = holdout_rows(labels, holdout)
            others = np.setdiff1d(np.arange(len(labels)), held_out)
            parts = [NoisyImages(images, labels, Purpose.TRAINING_NOISE, others)]
            if holdout:
                parts.append(NoisyImages(images[held_out], labels[held_out], Purpose.HOLDOUT_NOISE))
            self._data = (name, holdout), [*parts, test]
        return self._data[1]
