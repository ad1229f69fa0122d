"""Data sets in the store, as the API writes them."""

import numpy as np
from redis import Redis

from noisesweep.models import DatasetFacts, DatasetInfo
from shared.datasets import Dataset, hash_arrays, pack
from shared.store.functions import Function, Functions
from shared.store.keys import new_upload
from tests.support.own_data import Arrays

PIECE_BYTES = 1000


def add_dataset(redis: Redis, name: str, arrays: Arrays) -> DatasetFacts:
    """Store a data set in small pieces, and return its content."""
    x_train, y_train, x_test, y_test = arrays.values()
    classes, content = int(y_train.max()) + 1, pack((x_train, y_train, x_test, y_test))
    info = DatasetInfo(
        name=name,
        image_shape=x_train.shape[1:],
        classes=classes,
        class_names=[str(label) for label in range(classes)],
        training_images=len(x_train),
        validation_images=len(x_test),
        validation_counts=np.bincount(y_test, minlength=classes).tolist(),
        sha256=hash_arrays(arrays.values()),
        description="",
        licence="",
        citation="",
        training_counts=np.bincount(y_train, minlength=classes).tolist(),
        stored_bytes=len(content),
        submitter="",
    )
    upload = new_upload()
    for first in range(0, len(content), PIECE_BYTES):
        redis.rpush(upload, content[first : first + PIECE_BYTES])
    reply = Functions(redis).call(
        Function.ADD_DATASET,
        name=name,
        info=info.model_dump_json(),
        upload=upload,
        max_stored_bytes=10**12,
        max_dataset_bytes=10**12,
    )
    assert reply == ["added"]
    return info.facts


def arrays_of(dataset: Dataset) -> Arrays:
    """Return the arrays of a data set as a client uploads them."""
    return {
        "x_train": dataset.training_images,
        "y_train": dataset.training_labels,
        "x_test": dataset.validation_images,
        "y_test": dataset.validation_labels,
    }
