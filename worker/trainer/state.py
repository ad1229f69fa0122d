"""All that a run's future depends on, as arrays and as the bytes of a checkpoint."""

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


@dataclass(frozen=True)
class RunState:
    """The state of one run. With its config, scale and seed it is enough to continue to the same bits.

    Attributes:
        epoch: The epoch it is in, from 0.
        step: Steps of that epoch done.
        weights: Kernel (inputs, units) and bias (units,) of each layer, from the input to the output, float32.
        mean_squares: RMSprop's running mean of the squared gradient of each weight, in the same shapes.
        loss_sum: Sum of the epoch's losses so far; float32, like the sum that goes on from it.
        correct: Images of the epoch classified right so far.
    """

    epoch: int
    step: int
    weights: Sequence[Array]
    mean_squares: Sequence[Array]
    loss_sum: np.float32
    correct: np.float32

    @property
    def position(self) -> str:
        """Epoch and step in one word; runs that share a stack share it."""
        return f"{self.epoch}:{self.step}"

    def to_bytes(self) -> bytes:
        """The state as a NumPy archive (.npz)."""
        arrays: dict[str, Any] = {"position": [self.epoch, self.step], "sums": [self.loss_sum, self.correct]}
        arrays |= {f"weight_{index}": weight for index, weight in enumerate(self.weights)}
        arrays |= {f"mean_square_{index}": mean_square for index, mean_square in enumerate(self.mean_squares)}
        archive = io.BytesIO()
        np.savez(archive, **arrays)
        return archive.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> "RunState":
        """The state that `to_bytes` made the bytes of."""
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            count = sum(name.startswith("weight_") for name in archive)
            return cls(
                epoch=int(archive["position"][0]),
                step=int(archive["position"][1]),
                weights=[archive[f"weight_{index}"] for index in range(count)],
                mean_squares=[archive[f"mean_square_{index}"] for index in range(count)],
                loss_sum=archive["sums"][0],
                correct=archive["sums"][1],
            )

    @property
    def weights_sha256(self) -> str:
        """SHA-256 of the weights' bytes, one after the other: little-endian float32 in row-major order."""
        digest = hashlib.sha256()
        for weight in self.weights:
            digest.update(weight.astype("<f4").tobytes())
        return digest.hexdigest()
