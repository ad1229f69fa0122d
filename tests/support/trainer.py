"""Submission, claims and training in one process."""

from collections.abc import Callable, Iterator

from noisesweep.models import EpochMetrics, SweepRequest
from shared.settings import Settings
from tests.support.claims import claim_runs
from tests.support.networks import mlp
from tests.support.stored_sweeps import Sweeps
from worker.claims import Claim
from worker.leases import Leases
from worker.trainer.claim import ClaimTraining
from worker.trainer.stack_cache import StackCache

REQUEST = SweepRequest(scales=[0.1, 0.5, 1.0], epochs=3, model=mlp(32), batch_size=16, dataset="digits")


class Trainer:
    """Helper that submits sweeps like the API, and claims and trains runs like a worker."""

    def __init__(self, sweeps: Sweeps, leases: Leases, settings: Settings, stack_cache: StackCache) -> None:
        self.sweeps, self.leases, self.settings, self.stack_cache = sweeps, leases, settings, stack_cache

    def create_claim(self, request: SweepRequest, limit: int = 1) -> Claim:
        return claim_runs(self.leases, self.sweeps.create(request), limit)

    def train(self, claim: Claim, stop: Callable[[], bool] = lambda: False) -> int:
        return ClaimTraining(claim, self.leases, self.settings).run(self.stack_cache, stop)

    def metrics(self, sweep_id: str, index: int) -> list[dict[str, float]]:
        epochs = [EpochMetrics.model_validate_json(epoch) for epoch in self.sweeps.epochs(sweep_id, index)]
        return [metrics.model_dump(exclude={"seconds"}) for metrics in epochs]

    def train_uninterrupted(self, request: SweepRequest) -> tuple[list[dict[str, float]], str]:
        claim = self.create_claim(request)
        self.train(claim)
        return self.metrics(claim.sweep_id, 0), self.sweeps.run(claim.sweep_id, 0)["weights_sha256"]


def stop_after(checks: int) -> Callable[[], bool]:
    """Return a stop check that is False for the first `checks` calls and True afterwards."""
    answers: Iterator[bool] = iter([False] * checks)
    return lambda: next(answers, True)


class Interruption:
    """Stop check that is always False, and calls `action` in the training thread at call number `checks`."""

    def __init__(self, checks: int, action: Callable[[], object]) -> None:
        self.checks, self.action = checks, action

    def __call__(self) -> bool:
        self.checks -= 1
        if self.checks == 0:
            self.action()
        return False
