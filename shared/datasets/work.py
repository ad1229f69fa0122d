"""The size of a network and the cost of its training, from the config and the catalogue."""

from itertools import pairwise

from noisesweep.models import SweepRequest, TrainingConfig
from shared.datasets.catalogue import CATALOGUE


def parameters(config: TrainingConfig) -> int:
    """Return the number of kernel and bias entries of the network; 669,706 by default."""
    dataset = CATALOGUE[config.dataset]
    height, width = dataset.image_shape
    sizes = [height * width, *config.hidden_units, dataset.classes]
    return sum((inputs + 1) * units for inputs, units in pairwise(sizes))


def epoch_work(config: TrainingConfig) -> int:
    """Return the relative cost of an epoch: training images x parameters, the multiply-adds of a forward pass."""
    return CATALOGUE[config.dataset].training_images * parameters(config)


def run_work(request: SweepRequest) -> float:
    """Return the cost of a run in the unit of `epoch_work`: its epochs, and its tests at all scales and at 0.

    A test image passes forward alone, which is a third of what a training image costs.
    """
    tests = len({0.0, *request.scales}) * CATALOGUE[request.dataset].validation_images
    return request.epochs * epoch_work(request) + tests * parameters(request) / 3
