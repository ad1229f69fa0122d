"""Fingerprints of runs: runs with equal fingerprints produce equal numbers."""

import hashlib
import json

from noisesweep.models import TrainingConfig
from shared.datasets import facts_of
from shared.numerics import NUMERICS


def fingerprint(config: TrainingConfig, scale: float, seed: int, numerics: int = NUMERICS) -> str:
    """Return the SHA-256 of everything that determines a run's numbers, except the kind of device.

    It covers the content of the data set, the config, the scale, the seed, and the numerics version.
    """
    inputs = config.model_dump(mode="json") | {
        "dataset_sha256": facts_of(config).sha256,
        "scale": scale,
        "seed": seed,
        "numerics": numerics,
    }
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()
