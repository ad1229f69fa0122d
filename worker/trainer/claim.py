"""Training of a claim: start from checkpoints, commit every epoch, and end each run."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from celery.utils.log import get_task_logger

from noisesweep.models import RunError, RunStatus
from shared.errors import NoiseSweepError
from shared.settings import Settings
from shared.store.keys import run_id
from worker.claim_leases import ClaimLeases, RunCancelledError, StoreUnavailableError
from worker.claims import Claim, ClaimedRun, KeptEpoch
from worker.fail_points import fail_point
from worker.leases import LeaseLostError, Leases, LeaseState, Stored
from worker.trainer.checkpoints import CheckpointSchedule
from worker.trainer.evaluation import Tested, evaluate
from worker.trainer.loop import DivergedError, Stop, epochs
from worker.trainer.stack import Stack
from worker.trainer.stack_cache import StackCache
from worker.trainer.state import RunState

logger = get_task_logger(__name__)

TEMPORARY_FOLDER = "Make space in the temporary folder of the worker (TMPDIR)."


class ClaimTraining:
    """Training of a claim's runs as one stack, with all writes to the store.

    A run that fails does not affect the other runs.
    """

    def __init__(self, claim: Claim, leases: Leases, settings: Settings) -> None:
        self._claim = claim
        self._worker_leases = leases
        self._settings = settings
        self._active = dict(enumerate(claim.runs))  # by position in the stack
        self._checkpoints = CheckpointSchedule(settings.checkpoint_interval_seconds)

    def run(self, stack_cache: StackCache, stop: Stop) -> int:
        """Train the runs to their end or until `stop` returns true; return the number of runs put back in the queue.

        While the store is unavailable, training waits. If the worker stops in the meantime, nothing more is written:
        the leases then expire, and a reaper requeues the runs.
        """
        self._stop = stop
        leases = ClaimLeases(self._claim, self._worker_leases, self._settings, stop, while_waiting=self._settle)
        with leases as self._leases:
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
        self._end_finished(stack)  # runs whose evaluation was interrupted
        for results in epochs(stack, self._must_stop):
            save = self._checkpoints.is_due and stack.epoch < self._claim.config.epochs
            stored = save
            for position, run in self._each_active():
                result = results[position]
                if isinstance(result, DivergedError):
                    self._fail(position, result)
                    continue
                with self._isolate(position):
                    fail_point("before_commit", run.index)
                    self._leases.commit(run, result)
                    stored = stored and self._leases.save_checkpoint(run, stack.state(position))
                    fail_point("after_commit", run.index)
            if save:
                self._checkpoints.record(stored=stored)
            self._end_finished(stack)
        return self._release_all(stack)

    def _end_finished(self, stack: Stack) -> None:
        """Evaluate and end the runs that have finished, unless the worker has to stop."""
        finished = [(position, run) for position, run in self._each_active() if stack.has_finished(position)]
        if not finished:
            return
        kept = {position: stack.restore_kept(position) for position, _ in finished}
        tested = evaluate(stack, [run.scale for run in self._claim.runs], self._leases.test_scales(), self._must_stop)
        if tested is None:
            return
        for position, run in finished:
            if position in self._active:
                with self._isolate(position):
                    self._succeed(stack, position, run, tested[position], kept[position])
                    self._active.pop(position, None)

    def _load_checkpoints(self) -> list[RunState] | None:
        """Return the runs' checkpoints, which are all at the same step; None if the runs have none."""
        states = [self._leases.checkpoint(run) for run in self._claim.runs]
        present = [state for state in states if state]
        return present if len(present) == len(states) else None

    def _must_stop(self) -> bool:
        """End or drop runs that are no longer wanted, and return whether to stop. Called between two chunks."""
        self._settle()
        return self._stop() or not self._active

    def _settle(self) -> None:
        """End runs that a client cancelled, and drop runs whose lease is lost. Never wait for the store."""
        for position, run in self._each_active():
            match self._leases.state(run):
                case LeaseState.CANCELLED:
                    with self._isolate(position):
                        self._cancel(position)
                case LeaseState.LOST:
                    self._drop(position, "The lease has expired.")

    def _each_active(self) -> Iterator[tuple[int, ClaimedRun]]:
        """Yield position and run of each active run. Runs that end during the iteration are left out."""
        for position, run in list(self._active.items()):
            if position in self._active:
                yield position, run

    def _release_all(self, stack: Stack) -> int:
        released = 0
        for position, run in self._each_active():
            with self._isolate(position):
                status = self._leases.release(run, stack.state(position))
                logger.info("Run %s is %s at epoch %d, step %d", self._run_id(run), status, stack.epoch, stack.step)
                released += status is RunStatus.QUEUED
        return released

    def _succeed(self, stack: Stack, position: int, run: ClaimedRun, tested: Tested, kept_epoch: int) -> None:
        state = stack.state(position)
        if self._claim.keep_model:
            self._save_model(run, stack, state)
        kept = KeptEpoch(kept_epoch, tested.loss, tested.accuracy) if self._claim.config.holdout else None
        fail_point("before_finish", run.index)
        outcome = self._leases.succeed(run, state.weights_sha256, tested.evaluation, kept=kept, epochs=state.epoch)
        fail_point("after_finish", run.index)
        logger.info("Run %s %s", self._run_id(run), outcome)

    def _save_model(self, run: ClaimedRun, stack: Stack, state: RunState) -> None:
        from worker.trainer.keras_export import to_keras_file  # noqa: PLC0415 - imports Keras, which takes 2 s

        try:
            model = to_keras_file(stack.config, stack.image_shape, stack.classes, list(state.weights))
        except OSError as error:  # for example, no space for the temporary file
            self._leases.warn(
                run, Stored.MODEL, f"the worker could not write the file ({error.strerror or error})", TEMPORARY_FOLDER
            )
        else:
            self._leases.save_model(run, model)

    @contextmanager
    def _isolate(self, position: int) -> Iterator[None]:
        """End only this run if the `with` block fails."""
        try:
            yield
        except StoreUnavailableError:
            raise  # it affects all runs
        except RunCancelledError:
            pass  # `_settle` ends it
        except LeaseLostError as error:
            self._drop(position, str(error))
        except Exception as error:  # noqa: BLE001 - any other error concerns this run only
            self._fail(position, error)

    def _drop(self, position: int, reason: str) -> None:
        if run := self._active.pop(position, None):
            logger.warning("Run %s dropped, its lease is lost: %s", self._run_id(run), reason)

    def _cancel(self, position: int) -> None:
        run = self._active[position]
        if self._leases.cancel(run):
            del self._active[position]
            logger.info("Run %s cancelled", self._run_id(run))

    def _fail(self, position: int, error: Exception) -> None:
        run = self._active.pop(position, None)
        if run is None:
            return  # it ended while a write waited for the store
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
