"""The network as a Keras model, for downloads and as the reference in tests."""

import tempfile
from pathlib import Path

import keras

from noisesweep.models import ConvolutionalNetwork, TrainingConfig
from worker.trainer.state import Array


def build_model(config: TrainingConfig, image_shape: tuple[int, int], classes: int) -> keras.Sequential:
    """Return the compiled network: convolutions, if any, hidden layers with ReLU and dropout, then softmax.

    The input is (n, pixels) for a multilayer perceptron, and (n, height, width, 1) for a convolutional network.
    Options that are not in the config have Keras's defaults: Glorot-uniform kernels, zero biases, RMSprop with rho
    0.9 and epsilon 1e-7. Labels are integers. With 28x28 pixels and 10 classes the default config has 669,706
    parameters.
    """
    layers = keras.layers
    height, width = image_shape
    if isinstance(config.model, ConvolutionalNetwork):
        model = keras.Sequential([keras.Input((height, width, 1))])
        for filters in config.model.filters:
            model.add(layers.Conv2D(filters, config.model.kernel_size, activation="relu"))
            model.add(layers.MaxPooling2D())
        model.add(layers.Flatten())
    else:
        model = keras.Sequential([keras.Input((height * width,))])
    for units in config.model.dense_units:
        model.add(layers.Dense(units, activation="relu"))
        model.add(layers.Dropout(config.dropout))
    model.add(layers.Dense(classes, activation="softmax"))
    model.compile(
        loss="sparse_categorical_crossentropy",
        optimizer=keras.optimizers.RMSprop(learning_rate=config.learning_rate),
        metrics=["accuracy"],
    )
    return model


def to_keras_file(config: TrainingConfig, image_shape: tuple[int, int], classes: int, weights: list[Array]) -> bytes:
    """Return the content of a .keras file of the network with these float32 weights.

    The model's input is float32: clean pixels in [0, 1] plus noise, in the shape of `build_model`.
    """
    model = build_model(config, image_shape, classes)
    model.set_weights(weights)
    model.optimizer.build(model.trainable_variables)  # otherwise loading warns about missing optimizer variables
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        model.save(path)
        return path.read_bytes()
