"""A worker that does not train."""

from noisesweep.models import EpochMetrics
from tests.support.claims import claim_runs
from tests.support.records import evaluation
from worker.claims import Claim
from worker.leases import Leases


class Training:
    """Worker that claims runs and commits invented epochs instead of training."""

    def __init__(self, leases: Leases) -> None:
        self._leases = leases

    def claim(self, location: str, *, runs: int) -> Claim:
        return claim_runs(self._leases, location.rsplit("/", maxsplit=1)[-1], runs)

    def commit(self, claim: Claim, index: int, epoch: int) -> None:
        run = claim.runs[index]
        self._leases.commit(claim, run, invented_metrics(epoch, run.scale))

    def succeed(self, claim: Claim, index: int) -> None:
        self._leases.succeed(claim, claim.runs[index], "ab" * 32, evaluation(self._leases.test_scales(claim)))

    def epochs(self, location: str, *, runs: int, epochs: int, end: bool = False, model: bytes | None = None) -> None:
        claim = self.claim(location, runs=runs)
        for run in claim.runs:
            for epoch in range(epochs):
                self._leases.commit(claim, run, invented_metrics(epoch, run.scale))
            if end:
                if model:
                    self._leases.save_model(claim, run, model)
                self._leases.succeed(claim, run, "ab" * 32, evaluation(self._leases.test_scales(claim)))


def invented_metrics(epoch: int, scale: float) -> EpochMetrics:
    return EpochMetrics(
        epoch=epoch,
        loss=1 / (epoch + 1),
        accuracy=1 / (1 + scale / 10),
        val_loss=1 + scale,
        val_accuracy=1 / (1 + scale),
        seconds=1.5,
    )
