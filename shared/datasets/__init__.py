"""Data sets: their catalogue, search paths and arrays.

`python -m shared.datasets mnist` makes a data set available on this machine, by download if necessary, and prints its
location. If that fails, it prints the reason.
"""

from shared.datasets.arrays import Dataset, hash_arrays, to_pixels
from shared.datasets.catalogue import CATALOGUE, CLASSES, IMAGE_SHAPE, DatasetName, facts_of
from shared.datasets.files import read_idx
from shared.datasets.holdout import holdout_rows
from shared.datasets.loading import load
from shared.datasets.packing import pack, unpack
from shared.datasets.uploads import Upload, read_upload
from shared.datasets.work import epoch_work, image_outputs, image_work, model_bytes, parameter_count, run_work

__all__ = [
    "CATALOGUE",
    "CLASSES",
    "IMAGE_SHAPE",
    "Dataset",
    "DatasetName",
    "Upload",
    "epoch_work",
    "facts_of",
    "hash_arrays",
    "holdout_rows",
    "image_outputs",
    "image_work",
    "load",
    "model_bytes",
    "pack",
    "parameter_count",
    "read_idx",
    "read_upload",
    "run_work",
    "to_pixels",
    "unpack",
]
