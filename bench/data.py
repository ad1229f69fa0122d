"""Data set of the benchmarks."""

from shared import datasets
from shared.datasets import Dataset, DatasetName
from shared.errors import DatasetUnavailableError
from shared.settings import Settings


def load() -> Dataset:
    """Return MNIST, or digits if MNIST is not available. Every report names the data set."""
    try:
        return datasets.load(DatasetName.MNIST, Settings().data_dir)
    except DatasetUnavailableError:
        return datasets.load(DatasetName.DIGITS, None)
