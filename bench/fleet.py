"""The number of training devices that one store serves, by simulated trainers.

    commits      10 to 10,000 running runs, each of which commits an epoch a second, one or ten runs to a claim
    checkpoints  the same with a checkpoint of each run every 30 s, as far as the memory goes

A simulated trainer claims, renews, commits and ends runs by the worker's own code and trains nothing. The store is
durable and new for each line, and shares this machine with the trainers, so a line says how busy each was. Run it by
`make bench-fleet`, which takes five minutes. `ARGS="--runs 10 100"` and `ARGS="--checkpointed 10"` narrow it.
"""

import argparse
import asyncio
import multiprocessing
import os
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from api.limits import Limits
from api.sweeps.store import RequestContext, Store
from bench.report import percentile, print_table, write_json
from bench.service import NO_WEIGHTS, Service, made_up_evaluation, made_up_metrics, serve
from noisesweep.local.launcher import exit_on_signals
from noisesweep.models import SweepRequest, TrainingConfig
from shared.settings import Settings
from shared.store.keys import SweepKeys, new_sweep_id, run_id
from worker.leases import Claim, Leases
from worker.trainer.state import RunState

PROCESSES = min(16, os.cpu_count() or 1)
THREADS = 16  # of each process
EPOCH_SECONDS = 1.0
WARM_UP_SECONDS = 4.0
CHECKPOINT_SECONDS = 30.0
# Scales and seeds of one sweep: 250 runs.
SCALES, SEEDS = 10, 25
# Share of the machine's free memory that checkpoints may take.
FILLED = 0.25
# A fleet is served if at least this share of its commits was kept in time.
SERVED = 0.98
# Like a worker's, so that a store on the same machine comes first.
NICENESS = 5


class MiscountError(Exception):
    """The store does not hold what was committed."""


@dataclass(frozen=True)
class Plan:
    """The work of a simulated fleet.

    Attributes:
        settings: The settings of a worker.
        sweep_ids: The sweeps whose runs are trained.
        stack: Runs to a claim.
        seconds: How long it commits after the warm-up.
        checkpoint_epochs: Epochs from one checkpoint of a run to the next; 0 for none.
    """

    settings: Settings
    sweep_ids: Sequence[str]
    stack: int
    seconds: float
    checkpoint_epochs: int


@dataclass
class Work:
    """Counts and times of the work that trainers did.

    Attributes:
        late_ms: For each commit of the measured time: from the end of the epoch until it was kept.
        service_ms: For each of these, from when it was sent.
        checkpoint_ms: As service_ms, of the commits with a checkpoint.
        epochs: Commits from the first to the last, by run id.
        cpu_seconds: Processor time of the trainers' processes in the measured time.
    """

    late_ms: list[float] = field(default_factory=list)
    service_ms: list[float] = field(default_factory=list)
    checkpoint_ms: list[float] = field(default_factory=list)
    epochs: dict[str, int] = field(default_factory=dict)
    cpu_seconds: float = 0.0

    def add(self, other: "Work") -> None:
        """Add the work of other trainers."""
        self.late_ms += other.late_ms
        self.service_ms += other.service_ms
        self.checkpoint_ms += other.checkpoint_ms
        self.epochs |= other.epochs
        self.cpu_seconds += other.cpu_seconds


def made_up_state() -> RunState:
    """Return a state of the default network in its true size, with random numbers."""
    sizes, draws = [784, *TrainingConfig().hidden_units, 10], np.random.default_rng(0)
    weights = [
        draws.standard_normal(shape, dtype=np.float32)
        for inputs, units in pairwise(sizes)
        for shape in ((inputs, units), (units,))
    ]
    return RunState(1, 0, weights, [weight**2 for weight in weights], np.float32(0), np.float32(0))


class Trainers(threading.Thread):
    """One thread with some claims, whose epochs end one after the other within each second."""

    def __init__(self, plan: Plan, leases: Leases, claims: Sequence[Claim], begin: float) -> None:
        super().__init__(daemon=True)
        self.work = Work()
        self._plan, self._leases, self._claims, self._begin = plan, leases, claims, begin
        self._state = made_up_state() if plan.checkpoint_epochs else None

    def run(self) -> None:
        """Commit until the plan's time is over."""
        measured_from = self._begin + WARM_UP_SECONDS
        for epoch in range(round((WARM_UP_SECONDS + self._plan.seconds) / EPOCH_SECONDS)):
            for position, claim in enumerate(self._claims):
                due = self._begin + (epoch + position / len(self._claims)) * EPOCH_SECONDS
                time.sleep(max(0.0, due - time.monotonic()))
                if time.monotonic() > measured_from + self._plan.seconds:
                    return
                self._leases.renew(claim)
                self._commit(claim, epoch, position, due, measured=due >= measured_from)

    def _commit(self, claim: Claim, epoch: int, position: int, due: float, *, measured: bool) -> None:
        every = self._plan.checkpoint_epochs
        state = self._state if every and (epoch + position) % every == 0 else None
        for run in claim.runs:
            sent = time.monotonic()
            self._leases.commit(claim, run, made_up_metrics(epoch, run.scale), state)
            kept = time.monotonic()
            self.work.epochs[run_id(claim.sweep_id, run.index)] = epoch + 1
            if measured:
                self.work.late_ms.append(1000 * (kept - due))
                self.work.service_ms.append(1000 * (kept - sent))
                if state:
                    self.work.checkpoint_ms.append(1000 * (kept - sent))


def trainers_process(plan: Plan, number: int, connection: Connection) -> None:
    """Claim runs, commit from the given moment on, send the work, and end the runs."""
    os.nice(NICENESS)
    leases, claims = Leases(plan.settings), []
    for sweep_id in plan.sweep_ids[number::PROCESSES]:
        while claim := leases.claim(sweep_id, plan.stack, "bench", "simulated"):
            claims.append(claim)
    connection.send(len(claims))
    begin = connection.recv()
    threads = [Trainers(plan, leases, claims[first::THREADS], begin) for first in range(min(THREADS, len(claims)))]
    for thread in threads:
        thread.start()
    time.sleep(max(0.0, begin + WARM_UP_SECONDS - time.monotonic()))
    cpu_begun, work = time.process_time(), Work()
    for thread in threads:
        thread.join()
        work.add(thread.work)
    work.cpu_seconds = time.process_time() - cpu_begun
    connection.send(work)
    connection.recv()
    for claim in claims:
        evaluation = made_up_evaluation(leases, claim)
        for run in claim.runs:
            leases.succeed(claim, run, NO_WEIGHTS, evaluation)
    connection.send("ended")


def store_figures(service: Service) -> dict[str, float]:
    """Return counters of the store: processor seconds, seconds not waiting, bytes of its log, bytes of memory."""
    info: dict[str, Any] = service.redis.info("everything") | service.redis.info("debug")
    return {
        "cpu": info["used_cpu_user"] + info["used_cpu_sys"],
        "busy": info.get("eventloop_duration_sum", float("nan")) / 1e6,
        "log": info["aof_current_size"],
        "memory": info["used_memory"],
    }


def measure(runs: int, stack: int, seconds: float, checkpoint_epochs: int = 0) -> dict[str, object]:
    """Return the figures of one fleet; raise MiscountError if the store does not hold what was committed."""
    context = multiprocessing.get_context("spawn")
    with serve() as service:
        sweep_ids = asyncio.run(create_sweeps(service.settings, runs))
        plan = Plan(service.settings, sweep_ids, stack, seconds, checkpoint_epochs)
        connections = []
        for number in range(PROCESSES):
            ours, theirs = context.Pipe()
            context.Process(target=trainers_process, args=(plan, number, theirs), daemon=True).start()
            connections.append(ours)
        for connection in connections:
            connection.recv()
        begin = time.monotonic() + 0.5
        for connection in connections:
            connection.send(begin)
        time.sleep(begin + WARM_UP_SECONDS - time.monotonic())
        before, work = store_figures(service), Work()
        for connection in connections:
            work.add(connection.recv())
        after = store_figures(service)
        check_kept(service, runs, work)
        for connection in connections:
            connection.send("end")
        for connection in connections:
            connection.recv()
    commits, wanted = len(work.service_ms), runs / EPOCH_SECONDS
    spent = {name: (after[name] - before[name]) / seconds for name in before}
    latencies = work.checkpoint_ms if checkpoint_epochs else work.late_ms
    return {
        "runs": runs,
        "to a claim": stack,
        "wanted/s": wanted,
        "kept/s": commits / seconds,
        "p50 ms": percentile(latencies, 0.50),
        "p99 ms": percentile(latencies, 0.99),
        "store cores": spent["cpu"],
        "busy": spent["busy"],
        "µs/commit": 1e6 * spent["cpu"] * seconds / max(1, commits),
        "log MB/s": spent["log"] / 1e6,
        "memory MB": after["memory"] / 1e6,
        "trainers' cores": work.cpu_seconds / seconds,
        "served": "yes" if commits >= SERVED * wanted * seconds - stack else "no",
    }


async def create_sweeps(settings: Settings, runs: int) -> list[str]:
    """Create sweeps that have that many runs together, as the API does; return their ids."""
    sizes = [SCALES * SEEDS] * (runs // (SCALES * SEEDS)) + [runs % (SCALES * SEEDS)]
    store, sweep_ids = Store(settings, Limits()), []
    for size in filter(None, sizes):
        scales = min(SCALES, size)
        request = SweepRequest.model_validate(
            {"scales": [0.1 * step for step in range(scales)], "seeds": list(range(size // scales)), "epochs": 200}
        )
        sweep_ids.append(new_sweep_id())
        await store.create(sweep_ids[-1], request, RequestContext(), {})
    await store.close()
    return sweep_ids


def check_kept(service: Service, runs: int, work: Work) -> None:
    """Raise MiscountError unless the store has every run with every epoch that was committed."""
    if len(work.epochs) != runs:
        raise MiscountError(f"Expected {runs} claimed runs, received {len(work.epochs)}.")
    for run, committed in work.epochs.items():
        sweep_id, index = run.split("-")
        kept = service.redis.llen(SweepKeys(sweep_id).epochs(index))
        if kept != committed:
            raise MiscountError(f"Run {run}: {committed} epochs committed, {kept} kept.")


def main() -> None:
    """Measure, print the tables, write the JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench.fleet", description=main.__doc__)
    parser.add_argument("--runs", type=int, nargs="*", default=[10, 100, 1000, 10_000], help="sizes of fleets")
    parser.add_argument("--checkpointed", type=int, nargs="*", default=[10, 100, 300, 600], help="with checkpoints")
    parser.add_argument("--seconds", type=float, default=10.0, help="how long each fleet is measured")
    parser.add_argument("--out", type=Path, default=Path("bench-fleet.json"))
    arguments = parser.parse_args()

    exit_on_signals()
    room = FILLED * psutil.virtual_memory().available / len(made_up_state().to_bytes())
    commits = [measure(runs, stack, arguments.seconds) for stack in (1, 10) for runs in arguments.runs]
    epochs = round(CHECKPOINT_SECONDS / EPOCH_SECONDS)
    saving = [measure(runs, 10, CHECKPOINT_SECONDS, epochs) for runs in arguments.checkpointed if runs <= room]
    cores = f"{os.cpu_count()} cores, {PROCESSES} processes of {THREADS} trainers each"
    if commits:
        print_table(f"commits: from the end of an epoch until it was kept; {cores}", commits)
    if saving:
        print_table("commits with a checkpoint: from sent to kept", saving)
    write_json(arguments.out, {"commits": commits, "checkpoints": saving})


if __name__ == "__main__":
    main()
