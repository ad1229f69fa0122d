"""The data sets: what is known of each, where it is looked for, and the arrays themselves.

`python -m shared.datasets mnist` makes a data set ready on this machine (downloading it if need be) and says where
it came from, or why it cannot be had.
"""

from shared.datasets.arrays import Dataset, to_pixels
from shared.datasets.catalogue import CATALOGUE, CLASSES, IMAGE_SHAPE, DatasetName
from shared.datasets.files import read_idx
from shared.datasets.loading import load
from shared.datasets.work import epoch_work, parameters, run_work

__all__ = [
    "CATALOGUE",
    "CLASSES",
    "IMAGE_SHAPE",
    "Dataset",
    "DatasetName",
    "epoch_work",
    "load",
    "parameters",
    "read_idx",
    "run_work",
    "to_pixels",
]
