"""The data set on the device and the traced stack that a training process reuses from claim to claim."""

import gc

from noisesweep.models import TrainingConfig
from shared import datasets
from shared.noise import Purpose
from shared.settings import Settings
from worker.trainer.images import NoisyImages
from worker.trainer.stack import Stack


class WarmStack:
    """A cache of one data set and one stack, the last ones used."""

    def __init__(self, settings: Settings, *, xla: bool) -> None:
        self._settings = settings
        self._xla = xla
        self._data: tuple[str, NoisyImages, NoisyImages] | None = None
        self._stack: Stack | None = None

    def fitting(self, config: TrainingConfig, runs: int) -> Stack:
        """Return a stack for that many runs of that config: the last one if it fits, otherwise a new one.

        Raises:
            DatasetUnavailableError: The data set cannot be read on this host.
        """
        if not self._stack or self._stack.config != config or self._stack.runs != runs:
            self._stack = None
            if self._data and self._data[0] != config.dataset:
                self._data = None
            gc.collect()  # a traced function and its stack hold each other: their memory is wanted back first
            self._stack = Stack(config, runs, *self._images(config.dataset), xla=self._xla)
        return self._stack

    def _images(self, name: str) -> tuple[NoisyImages, NoisyImages]:
        if not self._data:
            data = datasets.load(name, self._settings.data_dir)
            training = NoisyImages(data.training_images, data.training_labels, Purpose.TRAINING_NOISE)
            validation = NoisyImages(data.validation_images, data.validation_labels, Purpose.VALIDATION_NOISE)
            self._data = name, training, validation
        return self._data[1:]
