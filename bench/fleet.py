"""The number of training devices that one store serves.

    commits      10 to 10,000 running runs, each of which commits an epoch a second, alone or ten to a claim
    checkpoints  the same with a checkpoint of each run as often as a worker writes one, as far as the memory goes

The store is durable as the product's, and new for each line. The trainers are simulated: they run the worker's own code
for all that they write, and train nothing (bench/trainers.py). Store and trainers share this machine, so a line tells
which of them was at its end. Run it by `make bench-fleet`, which takes seven minutes. `ARGS="--runs 10 100"` narrows
the first part and `--checkpointed 10` the second; without a number, a part is left out.
"""

import argparse
import os
import platform
import shutil
import tempfile
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil

from bench.simulation import EPOCH_SECONDS, WARM_UP_SECONDS, Fleet, measure
from bench.store import store
from bench.table import Column, percentile, print_cells, print_titles
from bench.trainers import PROCESSES, THREADS, invented_state
from noisesweep.local.launcher import exit_on_signals
from shared.settings import Settings
from worker.devices import GPU_STACK

STACKS = (1, 10)
# The store's memory at most; less where the machine has less to give.
STORE_BYTES = 4 * 1024**3
# Of that, what checkpoints are to take at most: buffers take some as well.
FILLED = 0.85
# What other programs may take of the cores without a word: the kernel's work for the disk is among it.
LEFT_ALONE = 0.3

COMMITS: Sequence[Column[Fleet]] = (
    Column("", "runs", 7, 0, lambda fleet: fleet.runs),
    Column("", "claim", 6, 0, lambda fleet: fleet.stack),
    Column("commits/s", "wanted", 8, 0, lambda fleet: fleet.wanted),
    Column("", "reached", 8, 0, lambda fleet: fleet.reached),
    Column("due to kept, ms", "p50", 9, 1, lambda fleet: percentile(fleet.work.late_ms, 0.50)),
    Column("", "p99", 9, 1, lambda fleet: percentile(fleet.work.late_ms, 0.99)),
    Column("sent to kept", "p50", 7, 1, lambda fleet: percentile(fleet.work.service_ms, 0.50)),
    Column("", "p99", 8, 1, lambda fleet: percentile(fleet.work.service_ms, 0.99)),
    Column("cores used", "store", 7, 2, lambda fleet: fleet.spent.cpu),
    Column("", "train", 6, 2, lambda fleet: fleet.trainers_cpu),
    Column("", "others", 7, 2, lambda fleet: fleet.others_cpu),
    Column("store busy", "all", 6, 2, lambda fleet: fleet.spent.busy),
    Column("", "log", 6, 2, lambda fleet: fleet.spent.log_busy),
    Column("per commit", "µs", 6, 0, lambda fleet: 1e6 * fleet.store_seconds),
    Column("", "log B", 7, 0, lambda fleet: fleet.spent.log_bytes / len(fleet.work.service_ms)),
    Column("", "MB", 7, 1, lambda fleet: fleet.spent.peak_bytes / 1e6),
)
COMMITS_NOTE = """
Commits: each run an epoch a second, alone or ten runs to a claim, and a heartbeat a second for each claim;
{warm_up:g} s of warm-up, then {seconds:g} s. Due: at the end of the epoch; a claim's runs are due together, and
sent one by one. Others: all other programs here. Busy: share of the time in which the store's thread did not wait
for requests, and in which it wrote the log and waited for the disk. µs: the store's processor time. MB: its memory."""

CHECKPOINTS: Sequence[Column[Fleet]] = (
    Column("", "runs", 7, 0, lambda fleet: fleet.runs),
    Column("checkpoints/s", "wanted", 8, 1, lambda fleet: fleet.checkpoints_wanted),
    Column("", "reached", 8, 1, lambda fleet: fleet.checkpoints_reached),
    Column("sent to kept, ms", "p50", 8, 0, lambda fleet: percentile(fleet.work.checkpoint_ms, 0.50)),
    Column("", "p99", 8, 0, lambda fleet: percentile(fleet.work.checkpoint_ms, 0.99)),
    Column("all commits", "p50", 7, 1, lambda fleet: percentile(fleet.work.service_ms, 0.50)),
    Column("", "p99", 7, 1, lambda fleet: percentile(fleet.work.service_ms, 0.99)),
    Column("cores used", "store", 7, 2, lambda fleet: fleet.spent.cpu),
    Column("", "train", 6, 2, lambda fleet: fleet.trainers_cpu),
    Column("", "others", 7, 2, lambda fleet: fleet.others_cpu),
    Column("store busy", "all", 6, 2, lambda fleet: fleet.spent.busy),
    Column("", "log", 6, 2, lambda fleet: fleet.spent.log_busy),
    Column("MB/s", "log", 7, 1, lambda fleet: fleet.log_megabytes),
    Column("", "disk", 7, 1, lambda fleet: fleet.disk_megabytes),
    Column("MB", "used", 8, 0, lambda fleet: fleet.spent.peak_bytes / 1e6),
    Column("", "copied", 8, 0, lambda fleet: fleet.spent.copied_bytes / 1e6),
    Column("", "rewrites", 9, 0, lambda fleet: fleet.spent.rewrites),
)
CHECKPOINTS_NOTE = """
Checkpoints: as above with ten runs to a claim, and {megabytes:.2f} MB of each run every {interval:g} s;
measured so long. Disk: the log with its rewrites. Copied: what the last rewrite took beside the memory used."""


def commits(sizes: Sequence[int], memory: int, seconds: float) -> list[Fleet]:
    """Measure fleets that write no checkpoints, and print the table."""
    if sizes:
        print(COMMITS_NOTE.format(seconds=seconds, warm_up=WARM_UP_SECONDS))
        print_titles(COMMITS)
    fleets = []
    for stack in STACKS:
        for runs in sizes:
            fleets.append(measure(runs, stack, memory, seconds))
            print_cells(COMMITS, fleets[-1], f" {fleets[-1].verdict}")
    return fleets


def checkpoints(sizes: Sequence[int], memory: int, interval: float) -> list[Fleet]:
    """Measure fleets that write checkpoints, until one is not served, and print the table."""
    size = len(invented_state().to_bytes())
    if sizes:
        print(CHECKPOINTS_NOTE.format(megabytes=size / 1e6, interval=interval))
        print_titles(CHECKPOINTS)
    fleets: list[Fleet] = []
    for runs in sizes:
        if runs * size > FILLED * memory:
            print(
                f"{runs:7,}  left out: {runs * size / 1e9:.1f} GB of checkpoints, and the store has {memory / 1e9:.1f}"
            )
        elif fleets and not fleets[-1].served:
            print(f"{runs:7,}  left out: fewer were not served")
        else:
            fleets.append(measure(runs, STACKS[-1], memory, interval, interval))
            print_cells(CHECKPOINTS, fleets[-1], f" {fleets[-1].verdict}")
    return fleets


def of_commits(fleets: Sequence[Fleet], epoch_seconds: Sequence[float]) -> Iterator[str]:
    """What follows from fleets without checkpoints."""
    for stack in STACKS:
        most = strongest(fleets, stack)
        end = most.verdict or "all that was wanted"
        yield (
            f"{stack} to a claim: measured up to {most.reached:,.0f} commits/s, {end}. One core of a store would bear "
            f"{1 / most.store_seconds:,.0f}/s at {1e6 * most.store_seconds:,.0f} µs each: extrapolated, for trainers "
            "elsewhere, and a disk that is not waited for."
        )
    least = min((fleet for fleet in fleets if fleet.stack == most.stack), key=lambda fleet: fleet.runs)
    wait = percentile(least.work.stack_ms, 0.50) / least.stack * GPU_STACK
    yield (
        f"A GPU that trains {GPU_STACK} runs commits them one by one and waits for that, {wait:,.0f} ms an epoch: p50 "
        f"of {least.stack} in the smallest fleet, times {GPU_STACK / least.stack:g}."
    )
    for seconds in epoch_seconds:
        rate = GPU_STACK / seconds
        yield (
            f"Such a GPU with epochs of {seconds:g} s makes {rate:g} commits/s: the store keeps those of "
            f"{most.reached / rate:,.0f} GPUs at the rate measured, {1 / most.store_seconds / rate:,.0f} at the one "
            "extrapolated. Arithmetic: no GPU was here."
        )


def of_checkpoints(fleets: Sequence[Fleet], memory: int, interval: float) -> Iterator[str]:
    """What follows from fleets with checkpoints."""
    megabytes = len(invented_state().to_bytes()) / 1e6
    yield (
        f"A running run takes {megabytes:.2f} MB of the store's memory and {megabytes:.2f} MB / {interval:g} s = "
        f"{megabytes / interval:.2f} MB/s of its log; a GPU with {GPU_STACK} runs {GPU_STACK * megabytes:,.0f} MB and "
        f"{GPU_STACK * megabytes / interval:.1f} MB/s. A rewrite of the log copied up to "
        f"{max(fleet.spent.copied_bytes for fleet in fleets) / 1e6:,.0f} MB, and would copy all if all changed "
        "meanwhile."
    )
    room = int(FILLED * memory / 1e6 / megabytes)
    yield f"{memory / 1e9:.1f} GB have room for the checkpoints of {room:,} runs, {room / GPU_STACK:.0f} such GPUs."
    for fleet in fleets:
        if not fleet.served:
            yield f"With the checkpoints of {fleet.runs:,} runs the store falls behind, {fleet.verdict}."
    if best := most_served(fleets):
        yield (
            f"Measured up to {best.runs:,} runs, {best.runs / GPU_STACK:.1f} such GPUs, at "
            f"{best.log_megabytes:.0f} MB/s and {best.spent.peak_bytes / 1e9:.2f} GB."
        )
        if best.spent.busy:
            yield (
                f"Its thread was busy for {best.spent.busy:.0%} of the time, so it would have no rest at "
                f"{best.runs / best.spent.busy:,.0f} runs (extrapolated)."
            )


def of_both(plain: Sequence[Fleet], saving: Sequence[Fleet], epoch_seconds: Sequence[float]) -> Iterator[str]:
    """Which of the two a store is at its end with first."""
    best = most_served(saving)
    if not best:
        return
    for seconds in epoch_seconds:
        runs = strongest(plain, STACKS[-1]).reached * seconds
        first = "commits" if runs < best.runs else "checkpoints"
        yield (
            f"Epochs of {seconds:g} s: the commits of {runs:,.0f} runs by the rate measured, the checkpoints of "
            f"{best.runs:,} as measured. The {first} are the limit."
        )


def strongest(fleets: Sequence[Fleet], stack: int) -> Fleet:
    """The fleet that reached the most, of those with so many runs to a claim."""
    return max((fleet for fleet in fleets if fleet.stack == stack), key=lambda fleet: fleet.reached)


def most_served(fleets: Sequence[Fleet]) -> Fleet | None:
    """The largest fleet that was served."""
    return max((fleet for fleet in fleets if fleet.served), key=lambda fleet: fleet.runs, default=None)


def disturbed(fleets: Sequence[Fleet]) -> Iterator[str]:
    """Whether the machine was left alone."""
    others = [fleet.others_cpu for fleet in fleets]
    if others and max(others) > LEFT_ALONE:
        yield f"Disturbed: other programs took up to {max(others):.1f} of the {os.cpu_count()} cores meanwhile."


def head(memory: int) -> None:
    """Print what it is measured on."""
    with store(memory) as server:
        info = server.info("server")
    name, version = info.get("server_name", "redis"), info.get("valkey_version", info["redis_version"])
    print(
        f"{processor()}, {os.cpu_count()} cores; {name} {version}, appendfsync always, {memory / 1e9:.1f} GB at most;"
    )
    print(
        f"simulated trainers in {PROCESSES} processes of {THREADS} threads; everything on this machine, over loopback"
    )


def processor() -> str:
    """The model of this machine's processor, as far as it tells."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()


def store_memory() -> int:
    """What the store may take of this machine: a rewrite of its log doubles it, and its files take three times that."""
    return min(STORE_BYTES, psutil.virtual_memory().available // 3, shutil.disk_usage(tempfile.gettempdir()).free // 4)


def main() -> None:
    """Measure, print the tables and what follows from them."""
    parser = argparse.ArgumentParser(prog="python -m bench.fleet", description=main.__doc__)
    parser.add_argument("--runs", type=int, nargs="*", default=[10, 100, 1000, 10_000], help="sizes of fleets")
    parser.add_argument("--checkpointed", type=int, nargs="*", default=[10, 100, 300, 600], help="with checkpoints")
    parser.add_argument("--seconds", type=float, default=10.0, help="how long each fleet is measured")
    parser.add_argument("--epoch-seconds", type=float, nargs="+", default=[1.0, 10.0], help="of a GPU, for arithmetic")
    arguments = parser.parse_args()

    exit_on_signals()
    memory, interval = store_memory(), max(EPOCH_SECONDS, Settings().checkpoint_interval_seconds)
    head(memory)
    fleets = commits(arguments.runs, memory, arguments.seconds)
    conclusions = list(of_commits(fleets, arguments.epoch_seconds)) if fleets else []
    saving = checkpoints(arguments.checkpointed, memory, interval)
    conclusions += of_checkpoints(saving, memory, interval) if saving else []
    conclusions += of_both(fleets, saving, arguments.epoch_seconds) if fleets else []
    conclusions += disturbed([*fleets, *saving])
    print("", *(textwrap.fill(said, 120, subsequent_indent="  ") for said in conclusions), sep="\n")


if __name__ == "__main__":
    main()
