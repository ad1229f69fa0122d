"""Size of a network and cost of its training, computed from the config and the catalogue."""

from math import prod

from noisesweep.models import SweepRequest, TrainingConfig
from shared.architecture import LayerShape, layer_shapes, multiply_adds, parameters
from shared.datasets.catalogue import facts_of


def parameter_count(config: TrainingConfig) -> int:
    """Return the number of weights and biases of the network; 669,706 by default."""
    return sum(map(parameters, _layers(config)))


def image_work(config: TrainingConfig) -> int:
    """Return the multiply-adds of a forward pass for one image; 668,672 by default."""
    return sum(map(multiply_adds, _layers(config)))


def image_outputs(config: TrainingConfig) -> int:
    """Return the number of outputs of all layers for one image, before pooling."""
    return sum(prod(layer.outputs) for layer in _layers(config))


def epoch_work(config: TrainingConfig) -> int:
    """Return the cost of an epoch: the multiply-adds of a forward pass for all images to train on."""
    return (facts_of(config).training_images - config.holdout) * image_work(config)


def model_bytes(config: TrainingConfig) -> int:
    """Return about the size of the trained model as a .keras file, which is slightly smaller.

    It contains each parameter twice in 4 bytes, because it includes the state of the optimizer, and some kB per layer.
    """
    layers = _layers(config)
    return 8 * sum(map(parameters, layers)) + 8_000 * (len(layers) + 1)


def run_work(request: SweepRequest) -> float:
    """Return the cost of a run in the unit of `epoch_work`: its epochs and its tests at all scales, and at 0.

    A test image needs a forward pass only. That costs a third of a training image.
    """
    tests = len({0.0, *request.scales}) + sum(map(len, request.test_noise.values()))
    images = tests * facts_of(request).validation_images
    return request.epochs * epoch_work(request) + images * image_work(request) / 3


def _layers(config: TrainingConfig) -> list[LayerShape]:
    dataset = facts_of(config)
    return layer_shapes(config.model, dataset.image_shape, dataset.classes)
