"""The source of every random number of a run: generators by seed and purpose, and the noise.

Dropout and resampled noise are drawn by TensorFlow, from keys that are drawn here.
"""

from collections.abc import Iterator
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray


class Purpose(IntEnum):
    """The purpose of a draw. The numbers are part of the results: never renumber, only add."""

    TRAINING_NOISE = 0
    VALIDATION_NOISE = 1
    WEIGHTS = 2
    SHUFFLE = 3
    DROPOUT = 4
    RESAMPLED_NOISE = 5


def generator(seed: int, purpose: Purpose, epoch: int = 0, step: int = 0) -> np.random.Generator:
    """Return the generator of one draw. Equal arguments give equal numbers on every machine.

    Philox is counter-based (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3") and is keyed by
    `SeedSequence`, whose spawn keys are made to give independent streams. Nothing is hidden state.

    Args:
        seed: The run's seed, 0 to 2**32 - 1.
        purpose: What the draw is for.
        epoch: The epoch it belongs to, from 0.
        step: The step within the epoch, from 0.
    """
    sequence = np.random.SeedSequence(entropy=seed, spawn_key=(purpose, epoch, step))
    return np.random.Generator(np.random.Philox(sequence))


def noise_blocks(
    seed: int, purpose: Purpose, shape: tuple[int, int], rows_at_once: int = 2000
) -> Iterator[tuple[range, NDArray[np.float32]]]:
    """Standard normal noise N, one value per pixel, float32, in blocks of rows; a run trains on clean + scale * N.

    N does not depend on the scale: all runs of a seed share it (common random numbers), so that the difference
    between two of them is the scale and nothing else. Nor does it depend on the size of the blocks, each of which
    comes with the rows that it fills.
    """
    rows, pixels = shape
    draws = generator(seed, purpose)
    for start in range(0, rows, rows_at_once):
        filled = range(start, min(start + rows_at_once, rows))
        yield filled, draws.standard_normal((len(filled), pixels), dtype=np.float32)


def base_noise(seed: int, purpose: Purpose, shape: tuple[int, int]) -> NDArray[np.float32]:
    """Return all of `noise_blocks` as one array."""
    return np.concatenate([block for _, block in noise_blocks(seed, purpose, shape)])


def add_noise(clean: NDArray[np.float32], scale: float, noise: NDArray[np.float32]) -> NDArray[np.float32]:
    """Clean + scale * noise in float32, not clipped: pixels leave [0, 1] as they did in the notebook."""
    noisy = noise * np.float32(scale)
    noisy += clean
    return noisy
