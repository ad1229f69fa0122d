"""Leases of one claim: the state of each run's lease, and access to the store that survives its outages."""

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self, TypeVar

from celery.utils.log import get_task_logger
from redis import exceptions as store_errors

from noisesweep.models import EpochMetrics, Evaluation, RunError, RunStatus
from shared.errors import NoiseSweepError
from shared.settings import Settings
from worker.claims import Claim, ClaimedRun, KeptEpoch
from worker.heartbeat import Heartbeat
from worker.leases import LeaseLostError, Leases, LeaseState, Stored
from worker.trainer.state import RunState

logger = get_task_logger(__name__)

# Pause between two attempts while the store is unavailable.
RETRY_SECONDS = 0.2
# Attempts to transfer a checkpoint or a model while the store answers small requests.
TRANSFER_ATTEMPTS = 3

# The store cannot be reached, is full, or is currently a replica, which accepts no writes.
UNAVAILABLE_ERRORS = (
    store_errors.ConnectionError,
    store_errors.TimeoutError,
    store_errors.OutOfMemoryError,
    store_errors.ReadOnlyError,
)
CONSEQUENCES = {
    Stored.CHECKPOINT: "Training continues. If its worker is lost, the run continues from its previous checkpoint.",
    Stored.MODEL: "The results of the run are complete. To get the model, submit it again with reuse set to false.",
}
REMEDY = "Give Redis more memory (maxmemory), or delete sweeps that have ended."

T = TypeVar("T")


class StoreUnavailableError(NoiseSweepError):
    """The store was unavailable while the worker was stopping."""


class RunCancelledError(NoiseSweepError):
    """A client cancelled the run while a write waited for the store. The write was given up."""


class ClaimLeases:
    """Methods of Leases for one claim. A heartbeat renews the leases of the claim until the `with` block ends.

    Necessary requests are repeated until the store accepts them, and `while_waiting` is called between two attempts.
    They end early with RunCancelledError if a client cancels the run, with LeaseLostError if the run has another owner,
    and with StoreUnavailableError if the worker stops. An outage of the store ends nothing: if the leases expire, the
    first heartbeat after the outage renews them, unless a reaper has requeued the runs.

    Checkpoints and models are optional. Their transfer is given up after a few attempts, or immediately if the store
    is full. The reason is logged and recorded with the run.
    """

    def __init__(
        self,
        claim: Claim,
        leases: Leases,
        settings: Settings,
        stop: Callable[[], bool],
        while_waiting: Callable[[], None] = lambda: None,
    ) -> None:
        self._claim = claim
        self._leases = leases
        self._heartbeat = Heartbeat(claim, leases, settings)
        self._stop = stop
        self._while_waiting = while_waiting

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

    def commit(self, run: ClaimedRun, metrics: EpochMetrics) -> None:
        """Store an epoch: see Leases.commit."""
        self._retry(lambda: self._leases.commit(self._claim, run, metrics), run)

    def save_checkpoint(self, run: ClaimedRun, state: RunState) -> bool:
        """Store the state as the run's checkpoint, if possible; return whether it is stored."""
        checkpoint = state.to_bytes()

        def save() -> None:
            self._leases.raise_if_full(len(checkpoint))
            self._leases.save_checkpoint(self._claim, run, state.position, checkpoint)

        return self._save(run, Stored.CHECKPOINT, len(checkpoint), save)

    def save_model(self, run: ClaimedRun, model: bytes) -> bool:
        """Store the trained model, if possible; return whether it is stored."""

        def save() -> None:
            self._leases.raise_if_full(len(model))
            self._leases.save_model(self._claim, run, model)

        return self._save(run, Stored.MODEL, len(model), save)

    def warn(self, run: ClaimedRun, kind: Stored, reason: str, remedy: str) -> None:
        """Record with the run, and log, why the checkpoint or model could not be stored."""
        message = f"The {kind} could not be stored: {reason}. {CONSEQUENCES[kind]} {remedy}"
        logger.warning("Sweep %s, run %d: %s", self._claim.sweep_id, run.index, message)
        self._retry(lambda: self._leases.warn(self._claim, run, kind, message), run)

    def checkpoint(self, run: ClaimedRun) -> RunState | None:
        """Return the run's last checkpoint; None if it has none, or if it cannot be transferred."""
        try:
            return self._transfer(lambda: self._leases.checkpoint(self._claim, run))
        except store_errors.RedisError as error:
            logger.warning(
                "Sweep %s, run %d: starts without its checkpoint: %s", self._claim.sweep_id, run.index, error
            )
            return None

    def test_scales(self) -> list[float]:
        """Return the scales at which to evaluate trained networks: see Leases.test_scales."""
        return self._retry(lambda: self._leases.test_scales(self._claim))

    def release(self, run: ClaimedRun, state: RunState) -> RunStatus:
        """Release the run to the queue with the state as its checkpoint, or without if that cannot be transferred."""
        try:
            return self._leases.release(self._claim, run, state.position, state.to_bytes())
        except store_errors.RedisError as error:
            logger.warning("Sweep %s, run %d: released without state: %s", self._claim.sweep_id, run.index, error)
        return self._retry(lambda: self._leases.release(self._claim, run, state.position))

    def succeed(
        self,
        run: ClaimedRun,
        weights_sha256: str,
        evaluation: Evaluation,
        *,
        kept: KeptEpoch | None = None,
        epochs: int,
    ) -> RunStatus:
        """End a run that has finished: see Leases.succeed."""
        return self._retry(
            lambda: self._leases.succeed(self._claim, run, weights_sha256, evaluation, kept=kept, epochs=epochs), run
        )

    def fail(self, run: ClaimedRun, error: RunError) -> RunStatus:
        """End a run that failed: see Leases.fail. A full store accepts it."""
        return self._retry(lambda: self._leases.fail(self._claim, run, error))

    def cancel(self, run: ClaimedRun) -> bool:
        """End a run that a client cancelled; return False if the store is unavailable. A full store accepts it."""
        try:
            self._leases.cancel(self._claim, run)
        except store_errors.RedisError as error:
            if not is_unavailable(error):
                raise
            return False
        return True

    def _save(self, run: ClaimedRun, kind: Stored, size: int, save: Callable[[], None]) -> bool:
        try:
            self._transfer(save, run)
        except store_errors.RedisError as error:
            full = isinstance(error, store_errors.OutOfMemoryError)
            cause = "the store is full" if full else f"the store did not accept it ({type(error).__name__})"
            logger.warning("Sweep %s, run %d: %s: %s", self._claim.sweep_id, run.index, cause, error)
            self.warn(run, kind, f"it has {size / 1e6:,.1f} MB, and {cause}", REMEDY)
            return False
        return True

    def _transfer(self, access: Callable[[], T], run: ClaimedRun | None = None) -> T:
        """Call `access`; raise its error if it fails repeatedly although the store accepts small writes.

        Between two attempts, a small write waits for the end of an outage.
        """
        for _ in range(TRANSFER_ATTEMPTS - 1):
            try:
                return access()
            except store_errors.OutOfMemoryError:
                raise
            except store_errors.RedisError:
                self._retry(lambda: self._leases.renew(self._claim), run)
        return access()

    def _retry(self, access: Callable[[], T], run: ClaimedRun | None = None) -> T:
        """Call `access` until the store accepts it. If a run is given, stop when it is cancelled or lost."""
        while True:
            try:
                return access()
            except store_errors.RedisError as error:
                if not is_unavailable(error):
                    raise
                if self._stop():
                    raise StoreUnavailableError(f"The worker stopped during a store outage: {error}") from error
            self._while_waiting()
            match run and self.state(run):
                case LeaseState.CANCELLED:
                    raise RunCancelledError("A client cancelled the run while the store was unavailable.")
                case LeaseState.LOST:
                    raise LeaseLostError("The lease was lost while the store was unavailable.")
            time.sleep(RETRY_SECONDS)


def is_unavailable(error: store_errors.RedisError) -> bool:
    """Return whether the error is temporary, so that the same request may succeed later.

    The errors of a store with too few replicas (NOREPLICAS) or without a writable disk (MISCONF) are temporary too.
    """
    return isinstance(error, UNAVAILABLE_ERRORS) or str(error).startswith(("NOREPLICAS", "MISCONF"))
