"""Own data sets as bytes: the form in which the store and the caches of workers keep them."""

import zlib
from math import prod

import numpy as np

from noisesweep.models import DatasetFacts
from shared.datasets.arrays import Arrays, Dataset, hash_arrays
from shared.errors import DatasetUnavailableError

# Of zlib. Higher levels take several times as long and save a few per cent.
LEVEL = 6


def pack(arrays: Arrays) -> bytes:
    """Return the compressed arrays."""
    compressor = zlib.compressobj(LEVEL)
    parts = [compressor.compress(np.ascontiguousarray(array).data) for array in arrays]
    return b"".join([*parts, compressor.flush()])


def unpack(content: bytes, facts: DatasetFacts, source: str) -> Dataset:
    """Return the data set from the result of `pack`.

    Raises:
        DatasetUnavailableError: The content is not that of this data set.
    """
    pixels = prod(facts.image_shape)
    sizes = [images * size for images in (facts.training_images, facts.validation_images) for size in (pixels, 1)]
    decompressor = zlib.decompressobj()
    try:
        raw = decompressor.decompress(content, sum(sizes) + 1)
    except zlib.error:
        raw = b""
    arrays = np.split(np.frombuffer(raw, np.uint8), np.cumsum(sizes)[:-1])
    if len(raw) != sum(sizes) or hash_arrays(arrays) != facts.sha256:
        raise DatasetUnavailableError(
            f"{source} is not the data set {facts.name}: expected arrays with SHA-256 {facts.sha256}. Remove it."
        )
    x_train, y_train, x_test, y_test = arrays
    shape = (-1, *facts.image_shape)
    return Dataset(facts, source, x_train.reshape(shape), y_train, x_test.reshape(shape), y_test)
