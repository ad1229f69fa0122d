"""Example sweep for an empty service: the results of a real run of the notebook's sweep on MNIST."""

from functools import cache
from pathlib import Path

from api.science.summary import summary
from noisesweep.models import Sweep

# An answer of GET /sweeps/{id}, without the names of the workers. If the numerics version changes, train it again:
# noisesweep submit --scales 0.1 0.5 1 2 4 --include-clean
FILE = Path(__file__).with_name("example.json")


@cache
def example() -> Sweep:
    """Return the sweep. It is not in the store."""
    return Sweep.model_validate_json(FILE.read_bytes())


@cache
def example_sentence() -> str:
    """Return the sentence of its summary."""
    return summary(example()).sentence
