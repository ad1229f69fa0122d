"""A fleet of simulated trainers on a store of its own: what it wanted, what it reached, and what that took."""

import asyncio
import os
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import cast

from api.sweeps.creations import Origin
from api.sweeps.store import Store
from bench.store import Spent, StoreServer, store, without_waiting
from bench.trainers import Plan, Work, trainers
from noisesweep.models import RunStatus, SweepRequest
from noisesweep.models.config import MAX_EPOCHS
from shared.datasets import DatasetName
from shared.settings import Settings
from shared.store import counters
from shared.store.counters import Counter
from shared.store.keys import COUNTERS, SweepKeys, new_sweep_id, parse_run_id

EPOCH_SECONDS = 1.0
WARM_UP_SECONDS = 4.0
# The scales and seeds of one sweep: 250 runs, close to the most that a sweep may have.
SCALES, SEEDS = 10, 25
# A fleet that is served gets at least so much of what it wants to commit.
SERVED = 0.98
# From here on something is taken to be at its end.
AT_ITS_END = 0.9


class MiscountError(Exception):
    """The store does not hold what was committed: the figures would be worth nothing."""


@dataclass(frozen=True)
class Fleet:
    """A fleet, what it did and what the store spent on it in the measured time.

    Attributes:
        runs: That train at a time.
        stack: Runs to a claim.
        interval: Seconds from one checkpoint of a run to the next; 0 for none.
        work: What was committed, and how soon.
        spent: What the store spent on it.
    """

    runs: int
    stack: int
    interval: float
    work: Work
    spent: Spent

    @property
    def wanted(self) -> float:
        """Commits per second that are due."""
        return self.runs / EPOCH_SECONDS

    @property
    def reached(self) -> float:
        """Commits per second that were kept."""
        return len(self.work.service_ms) / self.spent.seconds

    @property
    def checkpoints_wanted(self) -> float:
        """Checkpoints per second that are due."""
        return self.runs / self.interval if self.interval else 0.0

    @property
    def checkpoints_reached(self) -> float:
        """Checkpoints per second that were kept."""
        return len(self.work.checkpoint_ms) / self.spent.seconds

    @property
    def log_megabytes(self) -> float:
        """What was appended to the log, 10^6 bytes per second."""
        return self.spent.log_bytes / 1e6 / self.spent.seconds

    @property
    def disk_megabytes(self) -> float | None:
        """What was written to the disk, 10^6 bytes per second; None where a system does not tell."""
        return None if self.spent.disk_bytes is None else self.spent.disk_bytes / 1e6 / self.spent.seconds

    @property
    def served(self) -> bool:
        """Whether all was committed that was due, but for what one trainer is about to."""
        kept = ((self.work.service_ms, self.wanted), (self.work.checkpoint_ms, self.checkpoints_wanted))
        return all(len(ms) >= SERVED * wanted * self.spent.seconds - self.stack for ms, wanted in kept)

    @property
    def trainers_cpu(self) -> float:
        """Processor time of the trainers' processes, in cores."""
        return self.work.cpu_seconds / self.spent.seconds

    @property
    def others_cpu(self) -> float:
        """Processor time of everything else on this machine, rewrites of the log included, in cores."""
        return max(0.0, self.spent.machine_cpu - self.spent.cpu - self.trainers_cpu)

    @property
    def store_seconds(self) -> float:
        """Processor time of the store for a commit, its share of the heartbeats included."""
        return self.spent.cpu / self.reached

    @property
    def verdict(self) -> str:
        """What was at its end, where not all was committed that was due; empty else."""
        if self.served:
            return ""
        if (self.spent.busy or 0) >= AT_ITS_END and (self.spent.log_busy or 0) >= AT_ITS_END / 2:
            return "held back by the store's log"
        if self.spent.cpu >= AT_ITS_END:
            return "held back by the store's core"
        if self.spent.machine_cpu >= AT_ITS_END * (os.cpu_count() or 1):
            return "held back by this machine's cores"
        return "held back by the trainers' threads"


def measure(runs: int, stack: int, memory: int, seconds: float, interval: float = 0.0) -> Fleet:
    """Let a fleet train on a store of its own, and hold the store against what the fleet says that it did.

    Args:
        runs: How many train at a time.
        stack: Runs to a claim.
        memory: Bytes that the store may take.
        seconds: How long is measured.
        interval: Seconds from one checkpoint of a run to the next; 0 for none.

    Raises:
        MiscountError: The store does not hold what was committed.
        BrokenTrainersError: A trainer's write was refused or not answered.
    """
    with store(memory) as server, ExitStack() as cleanup:
        with without_waiting(server.redis):
            plan = Plan(
                settings=server.settings,
                sweep_ids=asyncio.run(created(server.settings, runs)),
                stack=stack,
                epoch_seconds=EPOCH_SECONDS,
                checkpoint_epochs=round(interval / EPOCH_SECONDS),
                warm_up_seconds=WARM_UP_SECONDS,
                seconds=seconds,
            )
            fleet = cleanup.enter_context(trainers(plan))
        measured_from = fleet.begin()
        time.sleep(measured_from - time.monotonic())
        with server.watched() as spent:
            time.sleep(measured_from + seconds - time.monotonic())
        work = fleet.work()
        check_kept(server, runs, work)
        with without_waiting(server.redis):
            fleet.end()
        check_ended(server, work)
    return Fleet(runs, stack, interval, work, *spent)


async def created(settings: Settings, runs: int) -> list[str]:
    """Create sweeps that have so many runs together, as the API does; return their ids."""
    sizes = [SCALES * SEEDS] * (runs // (SCALES * SEEDS)) + [runs % (SCALES * SEEDS)]
    creator = Store(settings)
    sweep_ids = [new_sweep_id() for size in sizes if size]

    async def create(sweep_id: str, size: int) -> None:
        scales = min(SCALES, size)
        request = SweepRequest(
            scales=[0.1 * place for place in range(scales)],
            seeds=list(range(size // scales)),
            dataset=DatasetName.DIGITS,
            epochs=MAX_EPOCHS,
            reuse=False,
        )
        await creator.creations.create(sweep_id, request, Origin(), {})

    await asyncio.gather(*map(create, sweep_ids, filter(None, sizes)))
    await creator.close()
    return sweep_ids


def check_kept(server: StoreServer, runs: int, work: Work) -> None:
    """Raise MiscountError unless every run is still its trainer's, with every epoch that this has committed."""
    if len(work.epochs) != runs:
        raise MiscountError(f"Expected {runs} claimed runs, received {len(work.epochs)}.")
    places = [parse_run_id(run) for run in work.epochs]
    with server.redis.pipeline(transaction=False) as pipeline:
        for sweep_id, index in places:
            pipeline.llen(SweepKeys(sweep_id).epochs(index))
            pipeline.zscore(SweepKeys(sweep_id).leases, str(index))
        replies = pipeline.execute()
    for run, kept, leased in zip(work.epochs, replies[::2], replies[1::2], strict=True):
        if kept != work.epochs[run] or leased is None:
            raise MiscountError(f"Run {run}: {work.epochs[run]} epochs committed, {kept} kept, lease until {leased}.")


def check_ended(server: StoreServer, work: Work) -> None:
    """Raise MiscountError unless the workers' counters tell of every epoch and of every end."""
    counts = cast("dict[str, str]", server.redis.hgetall(COUNTERS))
    epochs = counters.read(Counter.EPOCHS, counts).get((DatasetName.DIGITS,))
    ended = counters.read(Counter.RUNS, counts).get((RunStatus.SUCCEEDED,))
    if (epochs, ended) != (sum(work.epochs.values()), len(work.epochs)):
        raise MiscountError(
            f"{sum(work.epochs.values())} epochs of {len(work.epochs)} runs were committed, and the counters tell of "
            f"{epochs} epochs and {ended} runs that succeeded."
        )
