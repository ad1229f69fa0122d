"""Checks that a config can be trained: known data set, maximum size of the network."""

import json

from noisesweep.models import TrainingConfig
from shared.datasets import CATALOGUE, parameter_count

# A checkpoint stores each parameter twice in four bytes. This stays far below the maximum value size of Redis (512 MB).
MAX_PARAMETERS = 20_000_000


class UnsupportedConfigError(Exception):
    """A config is well-formed, but this version of the service cannot train it.

    Attributes:
        field: The unsupported field of the config.
        detail: The expected and the received value, as text.
        received: The value of the field.
    """

    def __init__(self, field: str, detail: str, received: object) -> None:
        super().__init__(f"{field}: {detail}")
        self.field, self.detail, self.received = field, detail, received


def check_config(config: TrainingConfig) -> None:
    """Raise UnsupportedConfigError if the data set is unknown or the network is too large."""
    if config.dataset not in CATALOGUE:
        raise UnsupportedConfigError(
            "dataset", f"expected one of {', '.join(CATALOGUE)}, received {json.dumps(config.dataset)}", config.dataset
        )
    count = parameter_count(config)
    if count > MAX_PARAMETERS:
        raise UnsupportedConfigError(
            "hidden_units",
            f"expected at most {MAX_PARAMETERS:,} parameters, received {count:,} from {config.hidden_units}",
            config.hidden_units,
        )
