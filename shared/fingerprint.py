"""Fingerprints of runs: runs with equal fingerprints produce equal numbers."""

import hashlib
import json

from noisesweep import __version__
from noisesweep.models import TrainingConfig
from shared.datasets import CATALOGUE


def fingerprint(config: TrainingConfig, scale: float, seed: int, version: str = __version__) -> str:
    """Return the SHA-256 of everything that determines a run's numbers, except the kind of device.

    It covers the content of the data set, the config, the scale, the seed, and the version of noisesweep.
    """
    inputs = config.model_dump(mode="json") | {
        "dataset_sha256": CATALOGUE[config.dataset].sha256,
        "scale": scale,
        "seed": seed,
        "program": version,
    }
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()
