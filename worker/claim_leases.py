"""The leases of one claim: what is asked of its runs, and writes that wait while the store is away."""

import time
from collections.abc import Callable
from types import TracebackType
from typing import Concatenate, ParamSpec, Self, TypeVar

from redis import exceptions as store_errors

from noisesweep.models import EpochMetrics, Evaluation, RunError, RunStatus
from shared.errors import NoiseSweepError
from shared.settings import Settings
from worker.heartbeat import Heartbeat
from worker.leases import Claim, ClaimedRun, Leases, LeaseState
from worker.trainer.state import RunState

# The interval between two attempts while the store is away.
RETRY_SECONDS = 0.2

# The store cannot be reached, is full, or is a replica at the moment.
STORE_AWAY = (
    store_errors.ConnectionError,
    store_errors.TimeoutError,
    store_errors.OutOfMemoryError,
    store_errors.ReadOnlyError,
)

P = ParamSpec("P")
T = TypeVar("T")


class StoreAwayError(NoiseSweepError):
    """The store was away for two thirds of a lease, or when the worker stopped: nothing more may be written."""


class ClaimLeases:
    """The methods of Leases for one claim, kept alive by its heartbeat from construction until the end of the `with`.

    Each method that accesses the store repeats the attempt while the store is away. It raises StoreAwayError if the
    worker stops meanwhile or if two thirds of a lease pass without an answer: the lease then decides what becomes of
    the runs. Those that write raise LeaseLostError if the run has another owner; nothing was written then.
    """

    def __init__(self, claim: Claim, leases: Leases, settings: Settings, stop: Callable[[], bool]) -> None:
        self._claim = claim
        self._leases = leases
        self._heartbeat = Heartbeat(claim, leases, settings)
        self._stop = stop

    def __enter__(self) -> Self:
        self._heartbeat.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._heartbeat.__exit__(kind, error, trace)

    def state(self, run: ClaimedRun) -> LeaseState:
        """Return what the store last said of the run. It does not access the store."""
        return self._heartbeat.state(run.index)

    def must_stop(self) -> bool:
        """Return whether the worker stops or the leases may have run out. It does not access the store."""
        return self._stop() or self._heartbeat.stopped

    def commit(self, run: ClaimedRun, metrics: EpochMetrics, state: RunState | None = None) -> None:
        """Keep an epoch: see Leases.commit."""
        self._patiently(self._leases.commit, run, metrics, state)

    def checkpoint(self, run: ClaimedRun) -> RunState | None:
        """Return the run's last checkpoint, if there is one."""
        return self._patiently(self._leases.checkpoint, run)

    def test_scales(self) -> list[float]:
        """Return the scales to test the trained networks with, ascending: see Leases.test_scales."""
        return self._patiently(self._leases.test_scales)

    def release(self, run: ClaimedRun, state: RunState) -> RunStatus:
        """Hand the run back to the queue: see Leases.release."""
        return self._patiently(self._leases.release, run, state)

    def succeed(
        self, run: ClaimedRun, weights_sha256: str, evaluation: Evaluation, model: bytes | None, *, epochs: int
    ) -> RunStatus:
        """End a run that has trained all its epochs: see Leases.succeed."""
        return self._patiently(self._leases.succeed, run, weights_sha256, evaluation, model, epochs=epochs)

    def fail(self, run: ClaimedRun, error: RunError) -> RunStatus:
        """End a run that cannot go on: see Leases.fail."""
        return self._patiently(self._leases.fail, run, error)

    def cancel(self, run: ClaimedRun) -> RunStatus:
        """End a run that a client cancelled: see Leases.cancel."""
        return self._patiently(self._leases.cancel, run)

    def _patiently(self, access: Callable[Concatenate[Claim, P], T], *arguments: P.args, **options: P.kwargs) -> T:
        failure: store_errors.RedisError | None = None
        while not self._heartbeat.stopped:
            try:
                return access(self._claim, *arguments, **options)
            except store_errors.RedisError as error:
                if not is_away(error):
                    raise
                failure = error
            if self._stop():
                raise StoreAwayError(f"The worker stops while the store is away: {failure}") from failure
            time.sleep(RETRY_SECONDS)
        raise StoreAwayError("The store has not answered for two thirds of a lease.") from failure


def is_away(error: store_errors.RedisError) -> bool:
    """Return whether the store may accept the same access later.

    That includes a store that lacks the replicas that it requires (NOREPLICAS) or cannot write to its disk (MISCONF).
    """
    return isinstance(error, STORE_AWAY) or str(error).startswith(("NOREPLICAS", "MISCONF"))
