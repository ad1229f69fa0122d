"""State of a run, as arrays and as the bytes of a checkpoint."""

import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


@dataclass(frozen=True)
class BestEpoch:
    """Epoch with the smallest loss on the holdout so far; of several, the first.

    Attributes:
        epoch: The epoch, from 0.
        loss: Its loss in nats.
        weights: Its weights, as in `RunState`; empty if the last epoch's weights are kept.
    """

    epoch: int
    loss: float
    weights: Sequence[Array]


@dataclass(frozen=True)
class RunState:
    """State of one run. Together with config, scale and seed it determines every later bit of the run.

    Attributes:
        epoch: Current epoch, from 0.
        step: Completed steps of this epoch.
        weights: Kernel and bias of each layer, from the input to the output, float32, in the shapes of Keras.
        mean_squares: RMSprop's running mean of the squared gradient of each weight, in the same shapes, float32.
        loss_sum: Sum of the losses of this epoch so far; float32, because the training continues it in float32.
        correct: Number of images classified correctly in this epoch so far.
        best: The best epoch so far; None before the first, and if nothing is selected on a holdout.
    """

    epoch: int
    step: int
    weights: Sequence[Array]
    mean_squares: Sequence[Array]
    loss_sum: np.float32
    correct: np.float32
    best: BestEpoch | None = None

    @property
    def position(self) -> str:
        """Return "<epoch>:<step>". It is the same for all runs of a stack."""
        return f"{self.epoch}:{self.step}"

    def to_bytes(self) -> bytes:
        """Return the state as a NumPy archive (.npz)."""
        arrays: dict[str, Any] = {"position": [self.epoch, self.step], "sums": [self.loss_sum, self.correct]}
        arrays |= {f"weight_{index}": weight for index, weight in enumerate(self.weights)}
        arrays |= {f"mean_square_{index}": mean_square for index, mean_square in enumerate(self.mean_squares)}
        if self.best:
            arrays |= {"best_epoch": self.best.epoch, "best_loss": self.best.loss}
            arrays |= {f"best_weight_{index}": weight for index, weight in enumerate(self.best.weights)}
        archive = io.BytesIO()
        np.savez(archive, **arrays)
        return archive.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> "RunState":
        """Read a state from the output of `to_bytes`."""
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            best = None
            if "best_epoch" in archive:
                best = BestEpoch(
                    int(archive["best_epoch"]), float(archive["best_loss"]), _arrays(archive, "best_weight_")
                )
            return cls(
                epoch=int(archive["position"][0]),
                step=int(archive["position"][1]),
                weights=_arrays(archive, "weight_"),
                mean_squares=_arrays(archive, "mean_square_"),
                loss_sum=archive["sums"][0],
                correct=archive["sums"][1],
                best=best,
            )

    @property
    def weights_sha256(self) -> str:
        """Return the SHA-256 of all weights, concatenated as little-endian float32 in row-major order."""
        digest = hashlib.sha256()
        for weight in self.weights:
            digest.update(weight.astype("<f4").tobytes())
        return digest.hexdigest()


def _arrays(archive: Mapping[str, Array], prefix: str) -> list[Array]:
    """Return the arrays of an archive whose names are the prefix and 0, 1, 2, ..."""
    return [archive[f"{prefix}{index}"] for index in range(sum(name.startswith(prefix) for name in archive))]
