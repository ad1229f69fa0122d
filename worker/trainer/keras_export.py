"""The network as a Keras model, for downloads and as the reference in tests."""

import tempfile
from pathlib import Path

import keras

from noisesweep.models import TrainingConfig
from shared.datasets import CLASSES
from worker.trainer.state import Array


def build_model(config: TrainingConfig, pixels: int) -> keras.Sequential:
    """Return the compiled multilayer perceptron: ReLU and dropout after each hidden layer, then softmax.

    Options that are not in the config have Keras's defaults: Glorot-uniform kernels, zero biases, RMSprop with rho
    0.9 and epsilon 1e-7. Labels are integers. With 784 pixels the default config has 669,706 parameters.
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
    """Return the content of a .keras file of the network with these float32 weights.

    The model's input is float32 images (n, 784): clean pixels in [0, 1] plus noise.
    """
    model = build_model(config, pixels=len(weights[0]))
    model.set_weights(weights)
    model.optimizer.build(model.trainable_variables)  # otherwise loading warns about missing optimizer variables
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        model.save(path)
        return path.read_bytes()
