"""Simulated trainers: they claim, commit, renew and end runs by the worker's own code, and train nothing.

A trainer is a device with one claim. Each of its epochs ends when it is due, however late the one before was kept, and
then the claim's runs are committed one after the other, as worker/trainer/claim.py does. It also renews its claim, as
worker/heartbeat.py does. Metrics and checkpoints are invented, in the size of true ones. Many trainers share a process
and its threads, so what these take is processor time that a fleet of real ones would not take from the store's machine.
"""

import heapq
import itertools
import math
import multiprocessing
import os
import signal
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from bench.service import NO_WEIGHTS, invented_evaluation, invented_metrics
from noisesweep.models import TrainingConfig, requests
from shared.settings import Settings
from shared.store.keys import run_id
from worker.heartbeat import ASK_SECONDS
from worker.leases import Claim, Leases
from worker.trainer.state import RunState

PROCESSES = min(16, os.cpu_count() or 1)
THREADS = 16  # of each process
START_SECONDS = 120.0
# Like a worker's, so that a store on the same machine comes first.
NICENESS = 5
DEVICE = "simulated"


class BrokenTrainersError(Exception):
    """A process of trainers ended otherwise than it was to."""


@dataclass(frozen=True)
class Plan:
    """What trainers do.

    Attributes:
        settings: Of a worker.
        sweep_ids: The sweeps whose runs are trained.
        stack: Runs that a trainer claims, at most.
        epoch_seconds: How long an epoch takes; 0 for as fast as can be.
        checkpoint_epochs: Epochs from one checkpoint of a run to the next; 0 for none.
        warm_up_seconds: How long nothing is measured.
        seconds: How long it is then, or until all epochs are trained.
        max_runs: Runs that a sweep may have, for a sweep larger than the API lets in.
    """

    settings: Settings
    sweep_ids: Sequence[str]
    stack: int
    epoch_seconds: float
    checkpoint_epochs: int = 0
    warm_up_seconds: float = 0.0
    seconds: float = math.inf
    max_runs: int = requests.MAX_RUNS


@dataclass
class Work:
    """What trainers have done.

    Attributes:
        late_ms: For each commit of the measured time: from the end of the epoch until the commit was kept.
        service_ms: Likewise, from when the commit was sent.
        stack_ms: For each epoch of a trainer: how long the commits of all its runs took.
        checkpoint_ms: As service_ms, of the commits with a checkpoint.
        epochs: By the id of a run: commits that were kept, from the first to the last.
        cpu_seconds: Processor time of the trainers' processes in the measured time.
    """

    late_ms: list[float] = field(default_factory=list)
    service_ms: list[float] = field(default_factory=list)
    stack_ms: list[float] = field(default_factory=list)
    checkpoint_ms: list[float] = field(default_factory=list)
    epochs: dict[str, int] = field(default_factory=dict)
    cpu_seconds: float = 0.0

    def add(self, other: "Work") -> None:
        """Add what others have done."""
        self.late_ms += other.late_ms
        self.service_ms += other.service_ms
        self.stack_ms += other.stack_ms
        self.checkpoint_ms += other.checkpoint_ms
        self.epochs |= other.epochs
        self.cpu_seconds += other.cpu_seconds


@cache
def invented_state() -> RunState:
    """A state of the default network, in its true size; its numbers are of no use."""
    sizes = [784, *TrainingConfig().hidden_units, 10]
    draws = np.random.default_rng(0)
    weights = [
        draws.standard_normal(shape, dtype=np.float32)
        for inputs, units in itertools.pairwise(sizes)
        for shape in ((inputs, units), (units,))
    ]
    return RunState(1, 0, weights, [weight**2 for weight in weights], np.float32(0), np.float32(0))


class Trainers:
    """Processes full of trainers, who wait with their claims for the word to begin."""

    def __init__(self, plan: Plan, connections: Sequence[Connection]) -> None:
        self.plan = plan
        self._connections = connections
        self.count = sum(self._received(START_SECONDS))

    def begin(self) -> float:
        """Let them begin; return when the measured time does, by this machine's monotonic clock."""
        begin = time.monotonic() + 0.2
        for connection in self._connections:
            connection.send(begin)
        return begin + self.plan.warm_up_seconds

    def work(self) -> Work:
        """Wait until their time is over; what they have done."""
        done = Work()
        for work in self._received(None):
            done.add(work)
        return done

    def end(self) -> None:
        """Let them end their runs as succeeded."""
        for connection in self._connections:
            connection.send("end")
        self._received(None)

    def _received(self, seconds: float | None) -> list[Any]:
        received = []
        for connection in self._connections:
            if not connection.poll(seconds):
                raise BrokenTrainersError(f"Trainers gave no answer within {seconds:g} s.")
            try:
                answer = connection.recv()
            except EOFError:
                raise BrokenTrainersError("A process of trainers is gone.") from None
            if isinstance(answer, str):
                raise BrokenTrainersError(answer)
            received.append(answer)
        return received


@contextmanager
def trainers(plan: Plan) -> Iterator[Trainers]:
    """Let trainers claim all runs of the plan's sweeps; end their processes at the end."""
    context = multiprocessing.get_context("spawn")
    ours, processes = [], []
    try:
        for number in range(PROCESSES):
            mine, theirs = context.Pipe()
            process = context.Process(target=_serve, args=(plan, number, theirs), daemon=True)
            process.start()
            theirs.close()
            ours.append(mine)
            processes.append(process)
        yield Trainers(plan, ours)
    finally:
        for process in processes:
            process.terminate()
            process.join()


def _serve(plan: Plan, number: int, connection: Connection) -> None:
    """A process of trainers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends this process
    os.nice(NICENESS)
    requests.MAX_RUNS = plan.max_runs
    try:
        fleet = _Fleet(plan, number)
        connection.send(len(fleet.trainers))
        connection.send(fleet.work(connection.recv()))
        connection.recv()
        fleet.end()
        connection.send(0)
        connection.recv()
    except EOFError:
        pass  # nobody listens any more
    except Exception:  # noqa: BLE001 - whatever it is, the parent is told
        connection.send(traceback.format_exc())


@dataclass
class _Trainer:
    claim: Claim
    place: float  # in [0, 1) among all, which spreads them over the time of an epoch
    epoch: int = 0


class _Fleet:
    """The trainers of one process: what each does next stands in a heap, and a thread that is free takes the first."""

    def __init__(self, plan: Plan, number: int) -> None:
        self._plan = plan
        self._leases = Leases(plan.settings)
        with ThreadPoolExecutor(THREADS) as pool:
            claims = list(itertools.chain.from_iterable(pool.map(self._claims, plan.sweep_ids[number::PROCESSES])))
        # Each process's trainers are as evenly spread as all are.
        self.trainers = [
            _Trainer(claim, (place + number / PROCESSES) / len(claims)) for place, claim in enumerate(claims)
        ]
        self._work = Work()
        self._lock = threading.Lock()
        self._count = itertools.count()
        self._agenda: list[tuple[float, int, _Trainer, bool]] = []

    def _claims(self, sweep_id: str) -> list[Claim]:
        claims = []
        while claim := self._leases.claim(sweep_id, self._plan.stack, f"{DEVICE}@bench", DEVICE):
            claims.append(claim)
        return claims

    def work(self, begin: float) -> Work:
        """Train from a moment of the monotonic clock on, until the plan's time is over."""
        self._measured_from = begin + self._plan.warm_up_seconds
        self._until = self._measured_from + self._plan.seconds
        for trainer in self.trainers:
            self._note(begin + trainer.place * self._plan.epoch_seconds, trainer, beat=False)
            self._note(begin + trainer.place * ASK_SECONDS + ASK_SECONDS / 2, trainer, beat=True)
        with ThreadPoolExecutor(THREADS) as pool:
            done = [pool.submit(self._work_on) for _ in range(THREADS)]
            time.sleep(max(0.0, self._measured_from - time.monotonic()))
            cpu_begun = time.process_time()
            for thread in done:
                thread.result()
        self._work.cpu_seconds = time.process_time() - cpu_begun
        self._work.epochs = {
            run_id(trainer.claim.sweep_id, run.index): trainer.epoch
            for trainer in self.trainers
            for run in trainer.claim.runs
        }
        return self._work

    def end(self) -> None:
        """End all runs as succeeded."""
        # Each worker would ask for the scales; here many are one.
        evaluations = {
            sweep_id: invented_evaluation(self._leases.test_scales(claim))
            for sweep_id, claim in {trainer.claim.sweep_id: trainer.claim for trainer in self.trainers}.items()
        }

        def end(trainer: _Trainer) -> None:
            for run in trainer.claim.runs:
                self._leases.succeed(trainer.claim, run, NO_WEIGHTS, evaluations[trainer.claim.sweep_id])

        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(end, self.trainers))

    def _note(self, due: float, trainer: _Trainer, *, beat: bool) -> None:
        heapq.heappush(self._agenda, (due, next(self._count), trainer, beat))

    def _work_on(self) -> None:
        while True:
            with self._lock:
                if not self._agenda:
                    return
                due, _, trainer, beat = heapq.heappop(self._agenda)
            if due >= self._until or time.monotonic() >= self._until:
                return
            time.sleep(max(0.0, due - time.monotonic()))
            if beat:
                self._leases.renew(trainer.claim)
            else:
                self._end_epoch(due, trainer)
            if trainer.epoch < trainer.claim.config.epochs:
                with self._lock:
                    self._note(due + (ASK_SECONDS if beat else self._plan.epoch_seconds), trainer, beat=beat)

    def _end_epoch(self, due: float, trainer: _Trainer) -> None:
        state = invented_state() if self._wants_checkpoint(trainer) else None
        begun = sent = time.monotonic()
        figures = []
        for run in trainer.claim.runs:
            self._leases.commit(trainer.claim, run, invented_metrics(trainer.epoch, run.scale), state)
            kept = time.monotonic()
            figures.append((1000 * (kept - due), 1000 * (kept - sent)))
            sent = kept
        trainer.epoch += 1
        if self._measured_from <= sent < self._until:
            with self._lock:
                self._work.late_ms += [late for late, _ in figures]
                self._work.service_ms += [service for _, service in figures]
                self._work.stack_ms.append(1000 * (sent - begun))
                if state:
                    self._work.checkpoint_ms += [service for _, service in figures]

    def _wants_checkpoint(self, trainer: _Trainer) -> bool:
        every = self._plan.checkpoint_epochs
        return bool(every) and (trainer.epoch + int(trainer.place * every)) % every == 0
