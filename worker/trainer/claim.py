"""A claim from its runs' checkpoints to their ends: what is written of each run."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import numpy as np
from celery.utils.log import get_task_logger

from noisesweep.models import EpochMetrics, Evaluation, RunError, RunStatus
from shared.errors import NoiseSweepError
from shared.settings import Settings
from shared.store.keys import run_id
from worker.claim_leases import ClaimLeases, StoreAwayError
from worker.fail_points import fail_point
from worker.leases import Claim, ClaimedRun, LeaseLostError, Leases, LeaseState
from worker.trainer.keras_export import to_keras_file
from worker.trainer.loop import DivergedError, Stop, epochs
from worker.trainer.network import accuracy_of
from worker.trainer.stack import Stack
from worker.trainer.state import RunState
from worker.trainer.warm_stack import WarmStack

logger = get_task_logger(__name__)


class ClaimTraining:
    """The training of a claim: its runs as one stack, and what is written of each.

    A run that cannot go on ends alone; the others go on beside it.
    """

    def __init__(self, claim: Claim, leases: Leases, settings: Settings) -> None:
        self._claim = claim
        self._worker_leases = leases
        self._settings = settings
        self._live = dict(enumerate(claim.runs))  # by position in the stack

    def run(self, warm_stack: WarmStack, stop: Stop) -> int:
        """Train the runs to their end, or until `stop`; return how many were handed back to the queue.

        If the store is away for two thirds of a lease, or away when the worker stops, nothing more is written: the
        lease then decides what becomes of the runs.
        """
        with ClaimLeases(self._claim, self._worker_leases, self._settings, stop) as self._leases:
            try:
                return self._train_or_fail(warm_stack)
            except StoreAwayError as away:
                logger.warning("Sweep %s: leaving its runs to their lease: %s", self._claim.sweep_id, away)
                return 0

    def _train_or_fail(self, warm_stack: WarmStack) -> int:
        try:
            return self._train(warm_stack.fitting(self._claim.config, len(self._claim.runs)))
        except StoreAwayError:
            raise
        except Exception as error:  # noqa: BLE001 - a sweep must not wait for runs that broke, whatever broke them
            for position in list(self._live):
                self._fail(position, error)
            return 0

    def _train(self, stack: Stack) -> int:
        stack.start(self._claim.runs[0].seed, [run.scale for run in self._claim.runs], self._states())
        saved = time.monotonic()
        for results in epochs(stack, self._must_stop):
            due = time.monotonic() - saved >= self._settings.checkpoint_interval_seconds
            due = due and stack.epoch < self._claim.config.epochs
            for position, run in list(self._live.items()):
                result = results[position]
                if isinstance(result, DivergedError):
                    self._fail(position, result)
                    continue
                with self._alone(position):
                    self._commit(run, result, stack.state(position) if due else None)
            if due:
                saved = time.monotonic()
        evaluations = self._evaluate(stack) if stack.epoch == self._claim.config.epochs else None
        if evaluations is None:
            return self._hand_back(stack)
        for position, run in list(self._live.items()):
            with self._alone(position):
                self._succeed(run, stack.state(position), evaluations[position])
        return 0

    def _states(self) -> list[RunState] | None:
        """Return the runs' checkpoints, which a claim takes at one step; None if the runs begin."""
        states = [self._leases.checkpoint(run) for run in self._claim.runs]
        present = [state for state in states if state]
        return present if len(present) == len(states) else None

    def _must_stop(self) -> bool:
        """Cancel and drop runs as the store asked, and return whether to stop. Called between two chunks."""
        for position, run in list(self._live.items()):
            match self._leases.state(run):
                case LeaseState.CANCELLED:
                    with self._alone(position):
                        self._cancel(position)
                case LeaseState.LOST:
                    self._drop(position, "Its lease ran out.")
        return self._leases.must_stop() or not self._live

    def _evaluate(self, stack: Stack) -> list[Evaluation] | None:
        """Evaluate each run's trained network at all the sweep's scales; return None if that was to be stopped."""
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

    def _hand_back(self, stack: Stack) -> int:
        handed_back = 0
        for position, run in list(self._live.items()):
            with self._alone(position):
                status = self._leases.release(run, stack.state(position))
                logger.info("Run %s is %s at epoch %d, step %d", self._name(run), status, stack.epoch, stack.step)
                handed_back += status is RunStatus.QUEUED
        return handed_back

    def _succeed(self, run: ClaimedRun, state: RunState, evaluation: Evaluation) -> None:
        model = to_keras_file(self._claim.config, list(state.weights)) if self._claim.keep_model else None
        fail_point("before_finish", run.index)
        outcome = self._leases.succeed(run, state.weights_sha256, evaluation, model, epochs=state.epoch)
        fail_point("after_finish", run.index)
        logger.info("Run %s %s", self._name(run), outcome)

    @contextmanager
    def _alone(self, position: int) -> Iterator[None]:
        """Let an error in the block end this run and no other."""
        try:
            yield
        except StoreAwayError:
            raise  # it is not the run's fault
        except LeaseLostError as error:
            self._drop(position, str(error))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is this run's
            self._fail(position, error)

    def _drop(self, position: int, reason: str) -> None:
        run = self._live.pop(position)
        logger.warning("Run %s is left to its new owner: %s", self._name(run), reason)

    def _cancel(self, position: int) -> None:
        run = self._live[position]
        self._leases.cancel(run)
        del self._live[position]
        logger.info("Run %s ends: a client cancelled it", self._name(run))

    def _fail(self, position: int, error: Exception) -> None:
        run = self._live.pop(position)
        unexpected = None if isinstance(error, NoiseSweepError) else error
        logger.warning("Run %s ends: %s", self._name(run), error, exc_info=unexpected)
        with suppress(LeaseLostError):
            self._leases.fail(run, explained(error))

    def _name(self, run: ClaimedRun) -> str:
        return run_id(self._claim.sweep_id, run.index)


def explained(error: Exception) -> RunError:
    """Return what a user is told of an error: its own words if it was raised on purpose, otherwise where to look."""
    if isinstance(error, NoiseSweepError):
        return RunError(code=error.code, message=str(error))
    message = f"The trainer broke with {type(error).__name__}; the worker's log says where."
    return RunError(code=NoiseSweepError.code, message=message)
