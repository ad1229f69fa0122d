"""One training, from the first draw to the last epoch: the notebook's recipe in Keras.

The interface is `train`: a config, a scale and a seed, the data, and a callback for each epoch.
"""

import math
import time
from collections.abc import Callable

import keras

from shared.datasets import CLASSES, Dataset, to_pixels
from shared.errors import DivergedError
from shared.models import EpochMetrics, TrainingConfig
from shared.noise import Purpose, add_noise, base_noise, generator

OnEpoch = Callable[[EpochMetrics], None]


def build_model(config: TrainingConfig, inputs: int) -> keras.Sequential:
    """The compiled multilayer perceptron: ReLU and dropout after each hidden layer, then softmax.

    Keras's defaults hold for what the config does not name: Glorot-uniform kernels, zero biases, RMSprop with
    rho 0.9 and epsilon 1e-7. Its draws come from Keras's global seed.

    Args:
        config: Its hidden_units, dropout and learning_rate count here.
        inputs: Pixels in an image; 784 give 669,706 parameters with the default config.
    """
    model = keras.Sequential([keras.Input((inputs,))])
    for units in config.hidden_units:
        model.add(keras.layers.Dense(units, activation="relu"))
        model.add(keras.layers.Dropout(config.dropout))
    model.add(keras.layers.Dense(CLASSES, activation="softmax"))
    model.compile(
        loss="categorical_crossentropy",
        optimizer=keras.optimizers.RMSprop(learning_rate=config.learning_rate),
        metrics=["accuracy"],
    )
    return model


def train(config: TrainingConfig, scale: float, seed: int, dataset: Dataset, on_epoch: OnEpoch) -> None:
    """Train one network on noisy images and call `on_epoch` with the metrics of every epoch.

    Noise is drawn once per image, for the training and for the validation images. All draws follow from the seed,
    so two calls with equal arguments give equal metrics (but for `seconds`) on one kind of machine.

    Raises:
        DivergedError: The loss is no longer a finite number.
        Whatever `on_epoch` raises: training ends there.
    """
    weights_seed = generator(seed, Purpose.WEIGHTS).integers(2**31)
    keras.utils.set_random_seed(int(weights_seed))

    clean_training, clean_validation = (
        to_pixels(dataset.training_images),
        to_pixels(dataset.validation_images),
    )
    training_images = add_noise(clean_training, scale, base_noise(seed, Purpose.TRAINING_NOISE, clean_training.shape))
    validation_images = add_noise(
        clean_validation, scale, base_noise(seed, Purpose.VALIDATION_NOISE, clean_validation.shape)
    )
    model = build_model(config, inputs=training_images.shape[1])
    model.fit(
        training_images,
        keras.utils.to_categorical(dataset.training_labels, CLASSES),
        batch_size=config.batch_size,
        epochs=config.epochs,
        validation_data=(validation_images, keras.utils.to_categorical(dataset.validation_labels, CLASSES)),
        callbacks=[ReportEpochs(on_epoch)],
        verbose=0,
    )


class ReportEpochs(keras.callbacks.Callback):  # type: ignore[misc] # Keras is untyped
    """Turns Keras's logs into EpochMetrics; raises DivergedError where they are no longer finite."""

    def __init__(self, on_epoch: OnEpoch) -> None:
        super().__init__()
        self.on_epoch = on_epoch

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002 - as Keras calls it
        """Start the clock."""
        self.begun = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Hand the epoch's metrics on; `logs` holds them all but the duration."""
        metrics = logs or {}
        if not all(math.isfinite(metrics[name]) for name in ("loss", "val_loss")):
            raise DivergedError(
                f"The loss left the finite numbers in epoch {epoch} (training {metrics['loss']}, validation "
                f"{metrics['val_loss']}). Try a smaller learning_rate."
            )
        self.on_epoch(EpochMetrics(epoch=epoch, seconds=time.perf_counter() - self.begun, **metrics))
