"""Training of a claim: start from checkpoints, commit every epoch, and end each run."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import numpy as np
from celery.utils.log import get_task_logger

from noisesweep.models import EpochMetrics, Evaluation, RunError, RunStatus
from shared.errors import NoiseSweepError
from shared.settings import Settings
from shared.store.keys import run_id
from worker.claim_leases import ClaimLeases, StoreUnavailableError
from worker.fail_points import fail_point
from worker.leases import Claim, ClaimedRun, LeaseLostError, Leases, LeaseState
from worker.trainer.keras_export import to_keras_file
from worker.trainer.loop import DivergedError, Stop, epochs
from worker.trainer.network import accuracy_of
from worker.trainer.stack import Stack
from worker.trainer.stack_cache import StackCache
from worker.trainer.state import RunState

logger = get_task_logger(__name__)


class ClaimTraining:
    """Training of a claim's runs as one stack, with all writes to the store.

    A run that fails does not affect the other runs.
    """

    def __init__(self, claim: Claim, leases: Leases, settings: Settings) -> None:
        self._claim = claim
        self._worker_leases = leases
        self._settings = settings
        self._active = dict(enumerate(claim.runs))  # by position in the stack

    def run(self, stack_cache: StackCache, stop: Stop) -> int:
        """Train the runs to their end or until `stop` returns true; return the number of runs put back in the queue.

        If the store is unavailable for two thirds of a lease, or while the worker is stopping, nothing more is written.
        The leases then expire, and a reaper requeues the runs.
        """
        with ClaimLeases(self._claim, self._worker_leases, self._settings, stop) as self._leases:
            try:
                return self._train_or_fail(stack_cache)
            except StoreUnavailableError as error:
                logger.warning("Sweep %s: giving up its runs; leases will expire: %s", self._claim.sweep_id, error)
                return 0

    def _train_or_fail(self, stack_cache: StackCache) -> int:
        try:
            return self._train(stack_cache.get(self._claim.config, len(self._claim.runs)))
        except StoreUnavailableError:
            raise
        except Exception as error:  # noqa: BLE001 - any error must end the runs, or the sweep would never end
            for position in list(self._active):
                self._fail(position, error)
            return 0

    def _train(self, stack: Stack) -> int:
        stack.start(self._claim.runs[0].seed, [run.scale for run in self._claim.runs], self._load_checkpoints())
        saved = time.monotonic()
        for results in epochs(stack, self._must_stop):
            due = time.monotonic() - saved >= self._settings.checkpoint_interval_seconds
            due = due and stack.epoch < self._claim.config.epochs
            for position, run in list(self._active.items()):
                result = results[position]
                if isinstance(result, DivergedError):
                    self._fail(position, result)
                    continue
                with self._isolate(position):
                    self._commit(run, result, stack.state(position) if due else None)
            if due:
                saved = time.monotonic()
        evaluations = self._evaluate(stack) if stack.epoch == self._claim.config.epochs else None
        if evaluations is None:
            return self._release_all(stack)
        for position, run in list(self._active.items()):
            with self._isolate(position):
                self._succeed(run, stack.state(position), evaluations[position])
        return 0

    def _load_checkpoints(self) -> list[RunState] | None:
        """Return the runs' checkpoints, which are all at the same step; None if the runs have none."""
        states = [self._leases.checkpoint(run) for run in self._claim.runs]
        present = [state for state in states if state]
        return present if len(present) == len(states) else None

    def _must_stop(self) -> bool:
        """Cancel runs on request, drop lost runs, and return whether to stop. Called between two chunks."""
        for position, run in list(self._active.items()):
            match self._leases.state(run):
                case LeaseState.CANCELLED:
                    with self._isolate(position):
                        self._cancel(position)
                case LeaseState.LOST:
                    self._drop(position, "The lease has expired.")
        return self._leases.must_stop() or not self._active

    def _evaluate(self, stack: Stack) -> list[Evaluation] | None:
        """Evaluate each trained network at all scales of the sweep; return None if stopped early."""
        test_scales = self._leases.test_scales()
        confusions = []
        for scale in test_scales:
            if self._must_stop():
                return None
            confusions.append(stack.evaluate([scale] * len(self._claim.runs))[1])
        at = {scale: index for index, scale in enumerate(test_scales)}
        accuracies = np.stack([accuracy_of(confusion) for confusion in confusions])
        return [
            Evaluation(
                test_scales=test_scales,
                val_accuracy=accuracies[:, position].tolist(),
                confusion=confusions[at[self._claim.config.validation_scale(run.scale)]][position].tolist(),
            )
            for position, run in enumerate(self._claim.runs)
        ]

    def _commit(self, run: ClaimedRun, metrics: EpochMetrics, state: RunState | None) -> None:
        fail_point("before_commit", run.index)
        self._leases.commit(run, metrics, state)
        fail_point("after_commit", run.index)

    def _release_all(self, stack: Stack) -> int:
        released = 0
        for position, run in list(self._active.items()):
            with self._isolate(position):
                status = self._leases.release(run, stack.state(position))
                logger.info("Run %s is %s at epoch %d, step %d", self._run_id(run), status, stack.epoch, stack.step)
                released += status is RunStatus.QUEUED
        return released

    def _succeed(self, run: ClaimedRun, state: RunState, evaluation: Evaluation) -> None:
        model = to_keras_file(self._claim.config, list(state.weights)) if self._claim.keep_model else None
        fail_point("before_finish", run.index)
        outcome = self._leases.succeed(run, state.weights_sha256, evaluation, model, epochs=state.epoch)
        fail_point("after_finish", run.index)
        logger.info("Run %s %s", self._run_id(run), outcome)

    @contextmanager
    def _isolate(self, position: int) -> Iterator[None]:
        """End only this run if the `with` block fails."""
        try:
            yield
        except StoreUnavailableError:
            raise  # it affects all runs
        except LeaseLostError as error:
            self._drop(position, str(error))
        except Exception as error:  # noqa: BLE001 - any other error concerns this run only
            self._fail(position, error)

    def _drop(self, position: int, reason: str) -> None:
        run = self._active.pop(position)
        logger.warning("Run %s dropped, its lease is lost: %s", self._run_id(run), reason)

    def _cancel(self, position: int) -> None:
        run = self._active[position]
        self._leases.cancel(run)
        del self._active[position]
        logger.info("Run %s cancelled", self._run_id(run))

    def _fail(self, position: int, error: Exception) -> None:
        run = self._active.pop(position)
        unexpected = None if isinstance(error, NoiseSweepError) else error
        logger.warning("Run %s failed: %s", self._run_id(run), error, exc_info=unexpected)
        with suppress(LeaseLostError):
            self._leases.fail(run, to_run_error(error))

    def _run_id(self, run: ClaimedRun) -> str:
        return run_id(self._claim.sweep_id, run.index)


def to_run_error(error: Exception) -> RunError:
    """Return the error to store with a run: the message of a NoiseSweepError, otherwise a pointer to the log."""
    if isinstance(error, NoiseSweepError):
        return RunError(code=error.code, message=str(error))
    message = f"The training failed with {type(error).__name__}. See the worker's log for details."
    return RunError(code=NoiseSweepError.code, message=message)
