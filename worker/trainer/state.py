"""State of a run, as arrays and as the bytes of a checkpoint."""

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
    """State of one run. Together with config, scale and seed it determines every later bit of the run.

    Attributes:
        epoch: Current epoch, from 0.
        step: Completed steps of this epoch.
        weights: Kernel (inputs, units) and bias (units,) of each layer, from the input to the output, float32.
        mean_squares: RMSprop's running mean of the squared gradient of each weight, in the same shapes, float32.
        loss_sum: Sum of the losses of this epoch so far; float32, because the training continues it in float32.
        correct: Number of images classified correctly in this epoch so far.
    """

    epoch: int
    step: int
    weights: Sequence[Array]
    mean_squares: Sequence[Array]
    loss_sum: np.float32
    correct: np.float32

    @property
    def position(self) -> str:
        """Return "<epoch>:<step>". It is the same for all runs of a stack."""
        return f"{self.epoch}:{self.step}"

    def to_bytes(self) -> bytes:
        """Return the state as a NumPy archive (.npz)."""
        arrays: dict[str, Any] = {"position": [self.epoch, self.step], "sums": [self.loss_sum, self.correct]}
        arrays |= {f"weight_{index}": weight for index, weight in enumerate(self.weights)}
        arrays |= {f"mean_square_{index}": mean_square for index, mean_square in enumerate(self.mean_squares)}
        archive = io.BytesIO()
        np.savez(archive, **arrays)
        return archive.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> "RunState":
        """Read a state from the output of `to_bytes`."""
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
        """Return the SHA-256 of all weights, concatenated as little-endian float32 in row-major order."""
        digest = hashlib.sha256()
        for weight in self.weights:
            digest.update(weight.astype("<f4").tobytes())
        return digest.hexdigest()
