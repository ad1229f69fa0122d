"""Size and cost of a training, which follow from its config and the catalogue."""

import json
from itertools import pairwise

from noisesweep.models import SweepRequest, TrainingConfig
from shared.datasets.catalogue import CATALOGUE
from shared.errors import NoiseSweepError

# A checkpoint holds each twice in four bytes, and stays far below what Redis takes as one value (512 MB).
MAX_PARAMETERS = 20_000_000


class UnsupportedConfigError(NoiseSweepError):
    """A config is well-formed, and this version of the service cannot train it.

    Attributes:
        field: The field of the config that is at fault.
        detail: What was expected, and what was received.
        received: The value of the field.
    """

    code = "unsupported_config"

    def __init__(self, field: str, detail: str, received: object) -> None:
        super().__init__(f"{field}: {detail}")
        self.field, self.detail, self.received = field, detail, received


def check_config(config: TrainingConfig) -> None:
    """Check what the wire model cannot know: that the data set exists, and that a checkpoint fits into the store.

    Raises:
        UnsupportedConfigError: It does not.
    """
    if config.dataset not in CATALOGUE:
        raise UnsupportedConfigError(
            "dataset", f"expected one of {', '.join(CATALOGUE)}, received {json.dumps(config.dataset)}", config.dataset
        )
    count = parameters(config)
    if count > MAX_PARAMETERS:
        raise UnsupportedConfigError(
            "hidden_units",
            f"expected at most {MAX_PARAMETERS:,} parameters, received {config.hidden_units}, which make {count:,}",
            config.hidden_units,
        )


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
