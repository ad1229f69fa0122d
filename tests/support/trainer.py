"""What submits, claims and trains, each as its own part of the service does."""

from collections.abc import Callable, Iterator

from noisesweep.models import EpochMetrics, SweepRequest
from shared.settings import Settings
from tests.support.stored_sweeps import Sweeps
from worker.leases import Claim, Leases
from worker.trainer.claim import ClaimTraining
from worker.trainer.warm_stack import WarmStack

REQUEST = SweepRequest(scales=[0.1, 0.5, 1.0], epochs=3, hidden_units=[32], batch_size=16, dataset="digits")


class Trainer:
    """Submits, claims and trains, each as its own part of the service does."""

    def __init__(self, sweeps: Sweeps, leases: Leases, settings: Settings, warm_stack: WarmStack) -> None:
        self.sweeps, self.leases, self.settings, self.warm_stack = sweeps, leases, settings, warm_stack

    def claimed(self, request: SweepRequest, limit: int = 1) -> Claim:
        claim = self.leases.claim(self.sweeps.create(request), limit)
        assert claim
        return claim

    def train(self, claim: Claim, stop: Callable[[], bool] = lambda: False) -> int:
        return ClaimTraining(claim, self.leases, self.settings).run(self.warm_stack, stop)

    def figures(self, sweep_id: str, index: int) -> list[dict[str, float]]:
        kept = [EpochMetrics.model_validate_json(epoch) for epoch in self.sweeps.epochs(sweep_id, index)]
        return [metrics.model_dump(exclude={"seconds"}) for metrics in kept]

    def undisturbed(self, request: SweepRequest) -> tuple[list[dict[str, float]], str]:
        claim = self.claimed(request)
        self.train(claim)
        return self.figures(claim.sweep_id, 0), self.sweeps.run(claim.sweep_id, 0)["weights_sha256"]


def after(checks: int) -> Callable[[], bool]:
    """A stop that comes with the check after so many."""
    answers: Iterator[bool] = iter([False] * checks)
    return lambda: next(answers, True)


class Interruption:
    """A stop that never comes, but does something else at the check after so many, from the thread that trains."""

    def __init__(self, checks: int, action: Callable[[], object]) -> None:
        self.checks, self.action = checks, action

    def __call__(self) -> bool:
        self.checks -= 1
        if self.checks == 0:
            self.action()
        return False
