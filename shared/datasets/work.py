"""Size of a network and cost of its training, computed from the config and the catalogue."""

from itertools import pairwise

from noisesweep.models import SweepRequest, TrainingConfig
from shared.datasets.catalogue import CATALOGUE


def parameter_count(config: TrainingConfig) -> int:
    """Return the number of weights and biases of the network; 669,706 by default."""
    dataset = CATALOGUE[config.dataset]
    height, width = dataset.image_shape
    sizes = [height * width, *config.hidden_units, dataset.classes]
    return sum((inputs + 1) * units for inputs, units in pairwise(sizes))


def epoch_work(config: TrainingConfig) -> int:
    """Return the cost of an epoch: training images x parameters, about the multiply-adds of a forward pass."""
    return (CATALOGUE[config.dataset].training_images - config.holdout) * parameter_count(config)


def model_bytes(config: TrainingConfig) -> int:
    """Return about the size of the trained model as a .keras file, which is slightly smaller.

    It contains each parameter twice in 4 bytes, because it includes the state of the optimizer, and some kB per layer.
    """
    return 8 * parameter_count(config) + 8_000 * (len(config.hidden_units) + 2)


def run_work(request: SweepRequest) -> float:
    """Return the cost of a run in the unit of `epoch_work`: its epochs and its tests at all scales, and at 0.

    A test image needs a forward pass only. That costs a third of a training image.
    """
    tests = len({0.0, *request.scales}) + sum(map(len, request.test_noise.values()))
    images = tests * CATALOGUE[request.dataset].validation_images
    return request.epochs * epoch_work(request) + images * parameter_count(request) / 3
