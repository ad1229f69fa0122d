"""Number of concurrent runs that one store can serve, measured with simulated trainers.

    commits      10 to 10,000 running runs with one commit per run and second, and 1 or 10 runs per claim
    checkpoints  the same with a checkpoint of each run every 30 s, limited by the free memory

A simulated trainer uses the worker's code to claim, renew, commit and end runs, but it trains nothing. Each row has a
new durable store. The store shares this machine with the trainers, so each row reports the CPU use of both.

`make bench-fleet` takes five minutes. `ARGS="--runs 10 100"` or `ARGS="--checkpointed 10"` selects fewer rows.
"""

import argparse
import asyncio
import multiprocessing
import os
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from api.limits import Limits
from api.sweeps.store import RequestContext, Store
from bench.report import percentile, print_table, write_json
from bench.service import NO_WEIGHTS, Service, fake_evaluation, fake_metrics, serve
from noisesweep.local.launcher import exit_on_signals
from noisesweep.models import SweepRequest, TrainingConfig
from shared.architecture import layer_shapes
from shared.settings import Settings
from shared.store.keys import SweepKeys, new_sweep_id, run_id
from worker.claims import Claim
from worker.leases import Leases
from worker.trainer.state import RunState

PROCESSES = min(16, os.cpu_count() or 1)
THREADS = 16  # per process
EPOCH_SECONDS = 1.0
WARM_UP_SECONDS = 4.0
CHECKPOINT_SECONDS = 30.0
# Grid of one sweep: 250 runs.
SCALES, SEEDS = 10, 25
# Share of the free memory that checkpoints may use.
MEMORY_SHARE = 0.25
# A row is served if at least this share of its commits was stored within the measured time.
SERVED_SHARE = 0.98
# The niceness of a worker, which gives the store priority on the same machine.
NICENESS = 5


class MissingCommitsError(Exception):
    """Missing or extra epochs in the store."""


@dataclass(frozen=True)
class Plan:
    """Plan of a simulated fleet.

    Attributes:
        settings: Settings of a worker.
        stack: Runs per claim.
        seconds: Duration of the measurement after the warm-up.
        checkpoint_epochs: Epochs between two checkpoints of a run. 0 means no checkpoints.
    """

    settings: Settings
    stack: int
    seconds: float
    checkpoint_epochs: int


@dataclass
class Work:
    """Measurements of trainers.

    Attributes:
        late_ms: For each measured commit, the time from the end of the epoch until it was stored.
        service_ms: For each measured commit, the time from the request until it was stored.
        checkpoint_ms: The part of service_ms that belongs to commits with a checkpoint.
        epochs: Number of all commits, by run id.
        cpu_seconds: CPU time of the trainer processes during the measurement.
    """

    late_ms: list[float] = field(default_factory=list)
    service_ms: list[float] = field(default_factory=list)
    checkpoint_ms: list[float] = field(default_factory=list)
    epochs: dict[str, int] = field(default_factory=dict)
    cpu_seconds: float = 0.0

    def add(self, other: "Work") -> None:
        """Add the measurements of other trainers."""
        self.late_ms += other.late_ms
        self.service_ms += other.service_ms
        self.checkpoint_ms += other.checkpoint_ms
        self.epochs |= other.epochs
        self.cpu_seconds += other.cpu_seconds


def fake_state() -> RunState:
    """Return a random state with the size of the default network."""
    draws = np.random.default_rng(0)
    weights = [
        draws.standard_normal(shape, dtype=np.float32)
        for layer in layer_shapes(TrainingConfig().model, (28, 28), classes=10)
        for shape in (layer.kernel, layer.kernel[-1:])
    ]
    return RunState(1, 0, weights, [weight**2 for weight in weights], np.float32(0), np.float32(0))


class Trainers(threading.Thread):
    """Thread that simulates several claims. Their epochs end at even intervals within each second."""

    def __init__(self, plan: Plan, leases: Leases, claims: Sequence[Claim], begin: float) -> None:
        super().__init__(daemon=True)
        self.work = Work()
        self._plan, self._leases, self._claims, self._begin = plan, leases, claims, begin
        self._state = fake_state() if plan.checkpoint_epochs else None

    def run(self) -> None:
        """Commit epochs until the end of the measurement."""
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
            self._leases.commit(claim, run, fake_metrics(epoch, run.scale))
            if state:
                self._leases.save_checkpoint(claim, run, state.position, state.to_bytes())
            stored = time.monotonic()
            self.work.epochs[run_id(claim.sweep_id, run.index)] = epoch + 1
            if measured:
                self.work.late_ms.append(1000 * (stored - due))
                self.work.service_ms.append(1000 * (stored - sent))
                if state:
                    self.work.checkpoint_ms.append(1000 * (stored - sent))


def trainers_process(plan: Plan, connection: Connection) -> None:
    """Claim runs, receive the start time, commit epochs, send the measurements, and end the runs."""
    os.nice(NICENESS)
    leases, claims = Leases(plan.settings), []
    while claim := leases.claim(plan.stack, "bench", "simulated"):
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
        evaluation = fake_evaluation(leases, claim)
        for run in claim.runs:
            leases.succeed(claim, run, NO_WEIGHTS, evaluation)
    connection.send("ended")


def store_counters(service: Service) -> dict[str, float]:
    """Return the CPU and event loop seconds of the store, and the bytes of its log and memory."""
    info: dict[str, Any] = service.redis.info("everything") | service.redis.info("debug")
    return {
        "cpu": info["used_cpu_user"] + info["used_cpu_sys"],
        "busy": info.get("eventloop_duration_sum", float("nan")) / 1e6,
        "log": info["aof_current_size"],
        "memory": info["used_memory"],
    }


def measure(runs: int, stack: int, seconds: float, checkpoint_epochs: int = 0) -> dict[str, object]:
    """Measure one fleet and return a row of the table.

    Raises:
        MissingCommitsError: The store does not have exactly the committed epochs.
    """
    context = multiprocessing.get_context("spawn")
    with serve() as service:
        asyncio.run(create_sweeps(service.settings, runs))
        plan = Plan(service.settings, stack, seconds, checkpoint_epochs)
        connections = []
        for _ in range(PROCESSES):
            ours, theirs = context.Pipe()
            context.Process(target=trainers_process, args=(plan, theirs), daemon=True).start()
            connections.append(ours)
        for connection in connections:
            connection.recv()
        begin = time.monotonic() + 0.5
        for connection in connections:
            connection.send(begin)
        time.sleep(begin + WARM_UP_SECONDS - time.monotonic())
        before, work = store_counters(service), Work()
        for connection in connections:
            work.add(connection.recv())
        after = store_counters(service)
        check_commits(service, runs, work)
        for connection in connections:
            connection.send("end")
        for connection in connections:
            connection.recv()
    commits, target = len(work.service_ms), runs / EPOCH_SECONDS
    spent = {name: (after[name] - before[name]) / seconds for name in before}
    latencies = work.checkpoint_ms if checkpoint_epochs else work.late_ms
    return {
        "runs": runs,
        "runs/claim": stack,
        "target/s": target,
        "stored/s": commits / seconds,
        "p50 ms": percentile(latencies, 0.50),
        "p99 ms": percentile(latencies, 0.99),
        "store cores": spent["cpu"],
        "busy": spent["busy"],
        "µs/commit": 1e6 * spent["cpu"] * seconds / max(1, commits),
        "log MB/s": spent["log"] / 1e6,
        "memory MB": after["memory"] / 1e6,
        "trainer cores": work.cpu_seconds / seconds,
        "served": "yes" if commits >= SERVED_SHARE * target * seconds - stack else "no",
    }


async def create_sweeps(settings: Settings, runs: int) -> None:
    """Create sweeps with `runs` runs in total, as the API does."""
    sizes = [SCALES * SEEDS] * (runs // (SCALES * SEEDS)) + [runs % (SCALES * SEEDS)]
    store = Store(settings, Limits())
    for size in filter(None, sizes):
        scales = min(SCALES, size)
        request = SweepRequest.model_validate(
            {"scales": [0.1 * step for step in range(scales)], "seeds": list(range(size // scales)), "epochs": 200}
        )
        await store.create(new_sweep_id(), request, "", RequestContext(), {})
    await store.close()


def check_commits(service: Service, runs: int, work: Work) -> None:
    """Raise MissingCommitsError unless the store has exactly the committed epochs of each run."""
    if len(work.epochs) != runs:
        raise MissingCommitsError(f"Expected {runs} claimed runs, received {len(work.epochs)}.")
    for run, committed in work.epochs.items():
        sweep_id, index = run.split("-")
        stored = service.redis.llen(SweepKeys(sweep_id).epochs(index))
        if stored != committed:
            raise MissingCommitsError(f"Run {run}: expected {committed} stored epochs, received {stored}.")


def main() -> None:
    """Run the fleet benchmark, print tables and write the results as JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench.fleet", description=main.__doc__)
    parser.add_argument(
        "--runs", type=int, nargs="*", default=[10, 100, 1000, 10_000], help="numbers of runs without checkpoints"
    )
    parser.add_argument(
        "--checkpointed", type=int, nargs="*", default=[10, 100, 300, 600], help="numbers of runs with checkpoints"
    )
    parser.add_argument("--seconds", type=float, default=10.0, help="duration of each measurement without checkpoints")
    parser.add_argument("--out", type=Path, default=Path("bench-fleet.json"))
    arguments = parser.parse_args()

    exit_on_signals()
    max_runs = MEMORY_SHARE * psutil.virtual_memory().available / len(fake_state().to_bytes())
    commits = [measure(runs, stack, arguments.seconds) for stack in (1, 10) for runs in arguments.runs]
    epochs = round(CHECKPOINT_SECONDS / EPOCH_SECONDS)
    checkpoints = [measure(runs, 10, CHECKPOINT_SECONDS, epochs) for runs in arguments.checkpointed if runs <= max_runs]
    cores = f"{os.cpu_count()} cores, {PROCESSES} processes of {THREADS} trainers each"
    if commits:
        print_table(f"Commits without checkpoints: latency from the end of the epoch until stored; {cores}", commits)
    if checkpoints:
        print_table("Commits with a checkpoint: latency from the request until stored", checkpoints)
    write_json(arguments.out, {"commits": commits, "checkpoints": checkpoints})


if __name__ == "__main__":
    main()
