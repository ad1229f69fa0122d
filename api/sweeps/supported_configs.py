"""Admission of configs: known data sets, and the maximum size of a network."""

import json

from noisesweep.models import TrainingConfig
from shared.datasets import CATALOGUE, parameters

# A checkpoint holds each parameter twice in four bytes, and stays far below the largest value in Redis (512 MB).
MAX_PARAMETERS = 20_000_000


class UnsupportedConfigError(Exception):
    """A config is well-formed, but this version of the service cannot train it.

    Attributes:
        field: The field of the config that is at fault.
        detail: What was expected, and what was received.
        received: The value of the field.
    """

    def __init__(self, field: str, detail: str, received: object) -> None:
        super().__init__(f"{field}: {detail}")
        self.field, self.detail, self.received = field, detail, received


def check_config(config: TrainingConfig) -> None:
    """Raise UnsupportedConfigError if the data set is unknown, or if a checkpoint would not fit into the store."""
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
