"""Random number generators by seed and purpose, and the noise. Every random number of a run derives from them.

TensorFlow draws dropout masks and resampled noise from keys that these generators draw.
"""

from collections.abc import Iterator
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray


class Purpose(IntEnum):
    """Purpose of a draw. The values determine the results: add new ones, never change existing ones."""

    TRAINING_NOISE = 0
    VALIDATION_NOISE = 1
    WEIGHTS = 2
    SHUFFLE = 3
    DROPOUT = 4
    RESAMPLED_NOISE = 5
    IDEAL_OBSERVER = 6
    FRESH_NOISE = 7  # on training images, to measure how much of their noise a network has learned
    HOLDOUT = 8
    HOLDOUT_NOISE = 9


def generator(seed: int, purpose: Purpose, epoch: int = 0, step: int = 0) -> np.random.Generator:
    """Return the generator of one draw. Equal arguments give equal numbers on every machine.

    The generator is Philox, which is counter-based (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3").
    Its key comes from a `SeedSequence`, whose spawn keys give independent streams. There is no global state.

    Args:
        seed: The run's seed, 0 to 2**32 - 1.
        purpose: The purpose of the draw.
        epoch: The epoch of the draw, from 0.
        step: The step within the epoch, from 0.
    """
    sequence = np.random.SeedSequence(entropy=seed, spawn_key=(purpose, epoch, step))
    return np.random.Generator(np.random.Philox(sequence))


def noise_blocks(
    seed: int, purpose: Purpose, shape: tuple[int, int], rows_at_once: int = 2000
) -> Iterator[tuple[range, NDArray[np.float32]]]:
    """Yield standard normal noise in blocks: a range of rows, and a float32 array of shape (rows, pixels).

    A run trains on clean + scale * noise. The noise does not depend on the scale: all runs of a seed share it (common
    random numbers), so two of them differ only in scale. It does not depend on the block size either.
    """
    rows, pixels = shape
    draws = generator(seed, purpose)
    for start in range(0, rows, rows_at_once):
        filled = range(start, min(start + rows_at_once, rows))
        yield filled, draws.standard_normal((len(filled), pixels), dtype=np.float32)


def base_noise(seed: int, purpose: Purpose, shape: tuple[int, int]) -> NDArray[np.float32]:
    """Return all blocks of `noise_blocks` as one array."""
    return np.concatenate([block for _, block in noise_blocks(seed, purpose, shape)])
