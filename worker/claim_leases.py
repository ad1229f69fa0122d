"""Leases of one claim: the state of each run's lease, and writes that are retried while the store is unavailable."""

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

# Pause between two attempts while the store is unavailable.
RETRY_SECONDS = 0.2

# The store cannot be reached, is full, or is currently a replica, which accepts no writes.
UNAVAILABLE_ERRORS = (
    store_errors.ConnectionError,
    store_errors.TimeoutError,
    store_errors.OutOfMemoryError,
    store_errors.ReadOnlyError,
)

P = ParamSpec("P")
T = TypeVar("T")


class StoreUnavailableError(NoiseSweepError):
    """The store was unavailable for two thirds of a lease, or while the worker was stopping."""


class ClaimLeases:
    """Methods of Leases for one claim. A heartbeat renews the leases of the claim until the `with` block ends.

    Methods that access the store retry while it is unavailable. They raise StoreUnavailableError if the worker stops
    in the meantime, or if the store does not answer for two thirds of a lease. The leases then expire, and a reaper
    requeues the runs. If the run has another owner, methods that write raise LeaseLostError and write nothing.
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
        """Return the last known state of the run's lease, without accessing the store."""
        return self._heartbeat.state(run.index)

    def must_stop(self) -> bool:
        """Return whether the worker is stopping or the leases may have expired, without accessing the store."""
        return self._stop() or self._heartbeat.timed_out

    def commit(self, run: ClaimedRun, metrics: EpochMetrics, state: RunState | None = None) -> None:
        """Store an epoch: see Leases.commit."""
        self._retry(self._leases.commit, run, metrics, state)

    def checkpoint(self, run: ClaimedRun) -> RunState | None:
        """Return the run's last checkpoint; None if the run has no checkpoint."""
        return self._retry(self._leases.checkpoint, run)

    def test_scales(self) -> list[float]:
        """Return the scales at which to evaluate trained networks: see Leases.test_scales."""
        return self._retry(self._leases.test_scales)

    def release(self, run: ClaimedRun, state: RunState) -> RunStatus:
        """Release the run to the queue: see Leases.release."""
        return self._retry(self._leases.release, run, state)

    def succeed(
        self, run: ClaimedRun, weights_sha256: str, evaluation: Evaluation, model: bytes | None, *, epochs: int
    ) -> RunStatus:
        """End a run that has trained all its epochs: see Leases.succeed."""
        return self._retry(self._leases.succeed, run, weights_sha256, evaluation, model, epochs=epochs)

    def fail(self, run: ClaimedRun, error: RunError) -> RunStatus:
        """End a run that failed: see Leases.fail."""
        return self._retry(self._leases.fail, run, error)

    def cancel(self, run: ClaimedRun) -> RunStatus:
        """End a run that a client cancelled: see Leases.cancel."""
        return self._retry(self._leases.cancel, run)

    def _retry(self, access: Callable[Concatenate[Claim, P], T], *arguments: P.args, **options: P.kwargs) -> T:
        failure: store_errors.RedisError | None = None
        while not self._heartbeat.timed_out:
            try:
                return access(self._claim, *arguments, **options)
            except store_errors.RedisError as error:
                if not is_unavailable(error):
                    raise
                failure = error
            if self._stop():
                raise StoreUnavailableError(f"The worker stopped during a store outage: {failure}") from failure
            time.sleep(RETRY_SECONDS)
        raise StoreUnavailableError("The store has not answered for two thirds of a lease.") from failure


def is_unavailable(error: store_errors.RedisError) -> bool:
    """Return whether the error is temporary, so that the same request may succeed later.

    The errors of a store with too few replicas (NOREPLICAS) or without a writable disk (MISCONF) are temporary too.
    """
    return isinstance(error, UNAVAILABLE_ERRORS) or str(error).startswith(("NOREPLICAS", "MISCONF"))
