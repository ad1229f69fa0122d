"""The network as a Keras model: what a user downloads, and what the trainer is held against."""

import tempfile
from pathlib import Path

import keras

from noisesweep.models import TrainingConfig
from shared.datasets import CLASSES
from worker.trainer.state import Array


def build_model(config: TrainingConfig, pixels: int) -> keras.Sequential:
    """The compiled multilayer perceptron: ReLU and dropout after each hidden layer, then softmax.

    Keras's defaults hold for what the config does not name: Glorot-uniform kernels, zero biases, RMSprop with rho 0.9
    and epsilon 1e-7. Labels are integers. With 784 pixels the default config has 669,706 parameters.
    """
    model = keras.Sequential([keras.Input((pixels,))])
    for units in config.hidden_units:
        model.add(keras.layers.Dense(units, activation="relu"))
        model.add(keras.layers.Dropout(config.dropout))
    model.add(keras.layers.Dense(CLASSES, activation="softmax"))
    model.compile(
        loss="sparse_categorical_crossentropy",
        optimizer=keras.optimizers.RMSprop(learning_rate=config.learning_rate),
        metrics=["accuracy"],
    )
    return model


def to_keras_file(config: TrainingConfig, weights: list[Array]) -> bytes:
    """The content of a .keras file of the network with these weights, float32.

    The model takes images as float32 (n, 784): pixels in [0, 1] plus noise.
    """
    model = build_model(config, pixels=len(weights[0]))
    model.set_weights(weights)
    model.optimizer.build(model.trainable_variables)  # or loading warns of an optimizer without slots
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        model.save(path)
        return path.read_bytes()
