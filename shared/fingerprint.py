"""Fingerprints of runs: equal runs give equal numbers."""

import hashlib
import json

from noisesweep import __version__
from noisesweep.models import TrainingConfig
from shared.datasets import CATALOGUE


def fingerprint(config: TrainingConfig, scale: float, seed: int, program: str = __version__) -> str:
    """Return the SHA-256 of everything that determines a run's numbers, except the kind of device.

    It covers the data set's content, the whole config, scale, seed, and the version of the program.
    """
    decisive = config.model_dump(mode="json") | {
        "dataset_sha256": CATALOGUE[config.dataset].sha256,
        "scale": scale,
        "seed": seed,
        "program": program,
    }
    return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()
