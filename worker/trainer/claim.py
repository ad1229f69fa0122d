"""From a claim to its end: epochs in chunks, metrics committed, checkpoints, stops, and runs that fail alone."""

import gc
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import TypeVar

import numpy as np
from celery.utils.log import get_task_logger
from redis import exceptions as store_errors

from noisesweep.models import EpochMetrics, Evaluation, RunError, RunStatus, TrainingConfig
from shared import datasets
from shared.errors import DivergedError, LeaseLostError, NoiseSweepError, RunCancelledError, StoreAwayError
from shared.noise import Purpose
from shared.settings import Settings
from shared.store.keys import run_id
from worker.fail_points import reach
from worker.heartbeat import Heartbeat
from worker.leases import Claim, ClaimedRun, Leases, Standing
from worker.trainer.images import NoisyImages
from worker.trainer.keras_export import to_keras_file
from worker.trainer.stack import Stack, accuracy_of
from worker.trainer.state import RunState

logger = get_task_logger(__name__)

# The stop flag is looked at between chunks, so a chunk is to take a fraction of a second whatever the config.
CHUNK_SECONDS = 0.25

# A store that is away is tried again so often.
AGAIN_SECONDS = 0.2

# The store cannot be reached, is full, or is not the one to write to at the moment.
STORE_AWAY = (
    StoreAwayError,
    store_errors.ConnectionError,
    store_errors.TimeoutError,
    store_errors.OutOfMemoryError,
    store_errors.ReadOnlyError,
)

T = TypeVar("T")
Stop = Callable[[], bool]
Result = EpochMetrics | DivergedError


class WarmStack:
    """What a training process keeps warm from one claim to the next: a data set on the device and a traced stack."""

    def __init__(self, settings: Settings, *, xla: bool) -> None:
        self._settings = settings
        self._xla = xla
        self._data: tuple[str, NoisyImages, NoisyImages] | None = None
        self._stack: Stack | None = None

    def fitting(self, config: TrainingConfig, runs: int) -> Stack:
        """A stack for so many runs of that config; the last one again, if it is of that kind.

        Raises:
            DatasetUnavailableError: The data set cannot be had on this host.
        """
        if not self._stack or self._stack.config != config or self._stack.runs != runs:
            self._stack = None
            if self._data and self._data[0] != config.dataset:
                self._data = None
            gc.collect()  # a traced function and its stack hold each other: their memory is wanted back first
            self._stack = Stack(config, runs, *self._images(config.dataset), xla=self._xla)
        return self._stack

    def _images(self, name: str) -> tuple[NoisyImages, NoisyImages]:
        if not self._data:
            data = datasets.load(name, self._settings.data_dir)
            training = NoisyImages(data.training_images, data.training_labels, Purpose.TRAINING_NOISE)
            validation = NoisyImages(data.validation_images, data.validation_labels, Purpose.VALIDATION_NOISE)
            self._data = name, training, validation
        return self._data[1:]


def epochs(stack: Stack, stop: Stop) -> Iterator[list[Result]]:
    """Train from where the stack stands; yield what each epoch measured, run by run.

    The stack then stands at the beginning of the next epoch. It ends after the config's last epoch, or early, between
    two chunks, when `stop` says so.
    """
    chunk = 1
    while stack.epoch < stack.config.epochs:
        begun = time.perf_counter()
        while stack.step < stack.steps:
            if stop():
                return
            first, chunk_begun = stack.step, time.perf_counter()
            stack.train(chunk)
            pace = CHUNK_SECONDS / (time.perf_counter() - chunk_begun)
            chunk = max(1, round((stack.step - first) * min(pace, 4)))
        figures = zip(*stack.training_figures(), *stack.validation_figures(), strict=True)
        seconds, epoch = time.perf_counter() - begun, stack.epoch
        stack.next_epoch()
        yield [_result(epoch, seconds, *map(float, run)) for run in figures]


def _result(epoch: int, seconds: float, *figures: float) -> Result:
    loss, accuracy, val_loss, val_accuracy = figures
    if not (math.isfinite(loss) and math.isfinite(val_loss)):
        return DivergedError(
            f"The loss left the finite numbers in epoch {epoch} (training {loss}, validation {val_loss}). "
            "Try a smaller learning_rate."
        )
    return EpochMetrics(
        epoch=epoch, loss=loss, accuracy=accuracy, val_loss=val_loss, val_accuracy=val_accuracy, seconds=seconds
    )


class ClaimTraining:
    """The training of a claim: its runs as one stack, and what is written of each.

    A run that cannot go on ends alone; the others go on beside it.
    """

    def __init__(self, claim: Claim, leases: Leases, settings: Settings) -> None:
        self._claim = claim
        self._leases = leases
        self._settings = settings
        self._live = dict(enumerate(claim.runs))  # by place in the stack

    def run(self, warm_stack: WarmStack, stop: Stop) -> int:
        """Train the runs to their end, or until `stop`; return how many were handed back to the queue.

        If the store is away for two thirds of a lease, or away when the worker stops, nothing more is written: the
        lease then decides what becomes of the runs.
        """
        with Heartbeat(self._claim, self._leases, self._settings) as self._heartbeat:
            self._stop = stop
            try:
                return self._train(warm_stack.fitting(self._claim.config, len(self._claim.runs)))
            except STORE_AWAY as away:
                logger.warning("Sweep %s: leaving its runs to their lease: %s", self._claim.sweep_id, away)
            except Exception:
                for place in list(self._live):
                    with self._alone(place):
                        raise  # for each of them: a sweep must not wait for runs that broke
            return 0

    def _train(self, stack: Stack) -> int:
        stack.start(self._claim.runs[0].seed, [run.scale for run in self._claim.runs], self._states())
        saved = time.monotonic()
        for results in epochs(stack, self._attend):
            due = time.monotonic() - saved >= self._settings.checkpoint_interval_seconds
            due = due and stack.epoch < self._claim.config.epochs
            for place, run in list(self._live.items()):
                with self._alone(place):
                    self._keep(run, results[place], stack.state(place) if due else None)
            if due:
                saved = time.monotonic()
        evaluations = self._evaluate(stack) if stack.epoch == self._claim.config.epochs else None
        if evaluations is None:
            return self._hand_back(stack)
        for place, run in list(self._live.items()):
            with self._alone(place):
                self._succeed(run, stack.state(place), evaluations[place])
        return 0

    def _evaluate(self, stack: Stack) -> list[Evaluation] | None:
        """What each run's trained network makes of noise of all the sweep's scales; None if that was to be stopped."""
        test_scales = self._persist(self._leases.test_scales)
        confusions = []
        for scale in test_scales:
            if self._attend():
                return None
            confusions.append(stack.evaluate([scale] * len(self._claim.runs))[1])
        at = {scale: place for place, scale in enumerate(test_scales)}
        accuracies = np.stack([accuracy_of(confusion) for confusion in confusions])
        return [
            Evaluation(
                test_scales=test_scales,
                val_accuracy=accuracies[:, place].tolist(),
                confusion=confusions[at[self._claim.config.validation_scale(run.scale)]][place].tolist(),
            )
            for place, run in enumerate(self._claim.runs)
        ]

    def _states(self) -> list[RunState] | None:
        """Where the runs go on: at their checkpoints, which a claim takes at one step, or at the beginning."""
        states = [self._persist(self._leases.checkpoint, run) for run in self._claim.runs]
        present = [state for state in states if state]
        return present if len(present) == len(states) else None

    def _attend(self) -> bool:
        """Between two chunks: end the runs that were cancelled, drop those that were lost; say whether to stop."""
        for place, run in list(self._live.items()):
            with self._alone(place):
                self._check(run)
        return self._stop() or self._heartbeat.stopped or not self._live

    def _check(self, run: ClaimedRun) -> None:
        standing = self._heartbeat.standing(run.index)
        if standing is Standing.CANCELLED:
            raise RunCancelledError("A client cancelled it.")
        if standing is Standing.LOST:
            raise LeaseLostError("Its lease ran out.")

    def _keep(self, run: ClaimedRun, result: Result, state: RunState | None) -> None:
        if isinstance(result, DivergedError):
            raise result
        reach("before_commit", run.index)
        self._persist(self._leases.commit, run, result, state)
        reach("after_commit", run.index)

    def _hand_back(self, stack: Stack) -> int:
        handed_back = 0
        for place, run in list(self._live.items()):
            with self._alone(place):
                status = self._persist(self._leases.release, run, stack.state(place))
                logger.info("Run %s is %s at epoch %d, step %d", self._name(run), status, stack.epoch, stack.step)
                handed_back += status is RunStatus.QUEUED
        return handed_back

    def _succeed(self, run: ClaimedRun, state: RunState, evaluation: Evaluation) -> None:
        model = to_keras_file(self._claim.config, list(state.weights)) if self._claim.keep_model else None
        reach("before_finish", run.index)
        succeed = partial(self._leases.succeed, epochs=state.epoch)
        outcome = self._persist(succeed, run, state.weights_sha256, evaluation, model)
        reach("after_finish", run.index)
        logger.info("Run %s %s", self._name(run), outcome)

    def _persist(self, access: Callable[..., T], *arguments: object) -> T:
        """Do what a method of Leases does; while the store is away, again and again, as long as the lease is sure."""
        while True:
            if self._heartbeat.stopped:
                raise StoreAwayError("The store has not answered for two thirds of a lease.")
            try:
                return access(self._claim, *arguments)
            except store_errors.RedisError as error:
                if not _away(error):
                    raise
                if self._stop() or self._heartbeat.stopped:
                    raise StoreAwayError(str(error)) from error
                time.sleep(AGAIN_SECONDS)

    @contextmanager
    def _alone(self, place: int) -> Iterator[None]:
        """What goes wrong within ends this run, with its reason, and no other."""
        run = self._live[place]
        try:
            yield
        except STORE_AWAY:
            raise  # which is no fault of the run
        except Exception as error:  # noqa: BLE001 - whatever it is, it is this run's
            del self._live[place]
            self._end(run, error)

    def _end(self, run: ClaimedRun, error: Exception) -> None:
        if isinstance(error, LeaseLostError):
            logger.warning("Run %s is left to its new owner: %s", self._name(run), error)
            return
        logger.warning("Run %s ends: %s", self._name(run), error, exc_info=not isinstance(error, NoiseSweepError))
        with suppress(LeaseLostError):
            if isinstance(error, RunCancelledError):
                self._persist(self._leases.cancel, run)
            else:
                self._persist(self._leases.fail, run, explained(error))

    def _name(self, run: ClaimedRun) -> str:
        return run_id(self._claim.sweep_id, run.index)


def _away(error: store_errors.RedisError) -> bool:
    """Whether the store may take the same later: it has no replica that it wants, or cannot write to its disk."""
    return isinstance(error, STORE_AWAY) or str(error).startswith(("NOREPLICAS", "MISCONF"))


def explained(error: Exception) -> RunError:
    """What a user is told of an error: its own words if it was raised on purpose, else where to look."""
    if isinstance(error, NoiseSweepError):
        return RunError(code=error.code, message=str(error))
    message = f"The trainer broke with {type(error).__name__}; the worker's log says where."
    return RunError(code=NoiseSweepError.code, message=message)
