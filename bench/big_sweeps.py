"""What a sweep costs by its number of runs: to submit, to read, to sum up, to draw, to keep, to remove.

All of it is done by the API's code in this process, so that sizes compare; what the API lets in goes over HTTP as well.
The API's limit of runs in a sweep is lifted here and in the trainers, for it is to be judged by this. The runs are
ended by simulated trainers (bench/trainers.py). A sweep blocks the store for as long as its slowest command takes.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, TypeVar, cast

from redis import Redis
from redis.exceptions import RedisError

from api.plots import accuracy
from api.science.summary import summary
from api.sweeps import results
from api.sweeps.creations import Origin
from api.sweeps.service import RunQueue
from api.sweeps.store import Store
from bench.service import Service, serve
from bench.store import without_waiting
from bench.table import Column, print_cells, print_titles
from bench.trainers import PROCESSES, Plan, trainers
from noisesweep.models import RunStatus, Sweep, SweepRequest, requests
from shared.datasets import DatasetName
from shared.errors import NoiseSweepError
from shared.store.keys import new_sweep_id
from shared.store.queue import celery_app
from worker.devices import GPU_STACK

EPOCHS = 20
MOST_SCALES = requests.MAX_SCALES
MOST_RUNS = requests.MAX_RUNS
# Commands that take less are not listed by the store.
SLOW_MICROSECONDS = 200

T = TypeVar("T")


class BrokenSweepError(Exception):
    """The sweep is not what it should be: there is nothing to measure."""


@dataclass(frozen=True)
class Timed(Generic[T]):
    """How something went.

    Attributes:
        what: What was done.
        ms: How long it took.
        blocked_ms: How long the store's slowest command for it took; 0 for less than SLOW_MICROSECONDS.
        value: What came of it; None where it broke.
        broke: Why it did.
    """

    what: str
    ms: float
    blocked_ms: float
    value: T | None
    broke: str = ""

    def __str__(self) -> str:
        return "broke" if self.broke else f"{self.ms:,.1f}" if self.ms < 100 else f"{self.ms:,.0f}"  # noqa: PLR2004


@dataclass
class BigSweep:
    """A sweep of so many runs, and what it cost; `http` holds milliseconds by request, where the API lets it in."""

    runs: int
    steps: dict[str, Timed[Any]] = field(default_factory=dict)
    queued_bytes: int = 0
    finished_bytes: int = 0
    http: dict[str, float] = field(default_factory=dict)

    def blocked(self, what: str) -> float:
        """How long the store was blocked by a step."""
        return self.steps[what].blocked_ms

    @property
    def json_bytes(self) -> int:
        """The length of the answer to GET /sweeps/{id} when all has ended."""
        return len(self.steps["read"].value or b"")


NOTE = f"""
Sweeps of {EPOCHS} epochs, by size; the API lets in {MOST_RUNS} runs. Queued and ended: what GET /sweeps/{{id}}
answers, before anything is trained and after all is. Again: the same sweep submitted once more, and answered from the
first. Blocked: the store's slowest command meanwhile. Answer: to GET /sweeps/{{id}} at the end."""


def _step(above: str, what: str, title: str = "", width: int = 8) -> Column[BigSweep]:
    return Column(above, title or what, width, 0, lambda sweep: str(sweep.steps[what]))


def _blocked(above: str, what: str, width: int = 8) -> Column[BigSweep]:
    return Column(above, what, width, 1, lambda sweep: sweep.blocked(what))


COLUMNS: Sequence[Column[BigSweep]] = (
    Column("", "runs", 7, 0, lambda sweep: sweep.runs),
    _step("milliseconds until the API's code is done", "submit"),
    _step("", "read queued", "queued"),
    _step("", "read", "ended"),
    _step("", "summary"),
    _step("", "plot", width=6),
    _step("", "results"),
    _step("", "again"),
    _step("", "delete", width=7),
    _blocked("store blocked, ms", "submit"),
    _blocked("", "read"),
    _blocked("", "again"),
    _blocked("", "delete"),
    Column("answer", "MB", 8, 2, lambda sweep: sweep.json_bytes / 1e6),
    Column("kB a run", "queued", 9, 1, lambda sweep: sweep.queued_bytes / 1e3 / sweep.runs),
    Column("", "ended", 7, 1, lambda sweep: sweep.finished_bytes / 1e3 / sweep.runs),
)


def report(sizes: Sequence[int]) -> list[BigSweep]:
    """Measure sweeps of these sizes and print the table."""
    print(NOTE)
    print_titles(COLUMNS)
    measured = []
    for runs in sizes:
        measured.append(measure(runs))
        print_cells(COLUMNS, measured[-1])
        for step in measured[-1].steps.values():
            if step.broke:
                print(f"        {step.what} broke after {step.ms:,.0f} ms: {step.broke}")
    for sweep in measured:
        if sweep.http:
            took = ", ".join(f"{request} {ms:,.0f} ms" for request, ms in sweep.http.items())
            print(f"  over HTTP, {sweep.runs:,} runs: {took}", flush=True)
    return measured


def conclusions(sweeps: Sequence[BigSweep]) -> Iterator[str]:
    """What follows for the API's limit."""
    broken = [sweep for sweep in sweeps if any(step.broke for step in sweep.steps.values())]
    if broken:
        what = ", ".join(step.what for step in broken[0].steps.values() if step.broke)
        yield f"A sweep of {broken[0].runs:,} runs breaks: {what}."
    for sweep in sweeps:
        slowest = max(sweep.steps.values(), key=lambda step: step.blocked_ms)
        longest = max(sweep.steps.values(), key=lambda step: step.ms)
        which = "" if sweep.runs <= MOST_RUNS else ", more than the API lets in,"
        yield (
            f"A sweep of {sweep.runs:,} runs{which} blocks the store for {slowest.blocked_ms:,.0f} ms at most "
            f"({slowest.what}); what takes longest is {longest.what}, {longest.ms:,.0f} ms."
        )


def measure(runs: int) -> BigSweep:
    """Submit a sweep of so many runs to a service of its own, end it, read it, remove it."""
    with any_number_of_runs(runs), serve() as service:
        sweep = BigSweep(runs)
        asyncio.run(_measured(sweep, service))
    return sweep


@contextmanager
def any_number_of_runs(runs: int) -> Iterator[None]:
    """Let a sweep have so many runs, in this process."""
    requests.MAX_RUNS = max(MOST_RUNS, runs)
    try:
        yield
    finally:
        requests.MAX_RUNS = MOST_RUNS


def request_of(runs: int) -> SweepRequest:
    """A sweep of so many runs, at as many scales as go into that number."""
    scales = next(scales for scales in range(min(runs, MOST_SCALES), 0, -1) if runs % scales == 0)
    grid = {"scales": [place / 10 for place in range(scales)], "seeds": list(range(runs // scales))}
    return SweepRequest.model_validate(grid | {"epochs": EPOCHS, "dataset": DatasetName.DIGITS})


async def _measured(sweep: BigSweep, service: Service) -> None:
    redis, request, sweep_id = service.leases.redis, request_of(sweep.runs), new_sweep_id()
    redis.config_set("slowlog-log-slower-than", SLOW_MICROSECONDS)
    store, celery = Store(service.settings), celery_app(service.settings)
    queue = RunQueue(store, celery, service.settings)

    async def timed(what: str, work: Callable[[], Awaitable[T]]) -> T | None:
        sweep.steps[what] = await _timed(redis, what, work)
        return cast("T | None", sweep.steps[what].value)

    async def read() -> bytes:
        return (await store.sweep(sweep_id)).model_dump_json().encode()

    await _warm_up(queue, store)
    empty = _used(redis)
    await timed("submit", partial(queue.submit, sweep_id, request, Origin()))
    sweep.queued_bytes = _used(redis) - empty
    await timed("read queued", read)

    await asyncio.to_thread(_train, service, sweep_id, sweep.runs)
    sweep.finished_bytes = _used(redis) - empty
    await timed("read", read)
    ended = await store.sweep(sweep_id)
    if ended.status is not RunStatus.SUCCEEDED or any(run.epochs_done != EPOCHS for run in ended.runs):
        raise BrokenSweepError(f"Expected {sweep.runs} runs of {EPOCHS} epochs, received {ended.progress}.")
    await timed("summary", partial(asyncio.to_thread, lambda: summary(ended).model_dump_json()))
    await timed("plot", partial(asyncio.to_thread, lambda: accuracy.draw(accuracy.curve(ended))))
    await timed("results", partial(_results, store, ended))
    if sweep.runs <= MOST_RUNS:
        await asyncio.to_thread(_over_http, sweep, service, sweep_id, request)
    await timed("again", partial(queue.submit, new_sweep_id(), request, Origin()))
    await timed("delete", partial(store.delete, sweep_id))
    celery.close()
    await store.close()


async def _warm_up(queue: RunQueue, store: Store) -> None:
    """Let connections be made, scripts be known and fonts be found."""
    sweep_id = new_sweep_id()
    await queue.submit(sweep_id, request_of(1), Origin())
    accuracy.draw(accuracy.curve(await store.sweep(sweep_id)))
    await store.cancel(sweep_id)
    await store.delete(sweep_id)


async def _timed(redis: Redis, what: str, work: Callable[[], Awaitable[T]]) -> Timed[T]:
    redis.slowlog_reset()
    begun, value, broke = time.perf_counter(), None, ""
    try:
        value = await work()
    except (RedisError, NoiseSweepError, RecursionError, ValueError) as error:
        broke = f"{type(error).__name__}: {error}"
    ms = 1000 * (time.perf_counter() - begun)
    slow: list[dict[str, int]] = redis.slowlog_get(128)
    return Timed(what, ms, max((command["duration"] for command in slow), default=0) / 1000, value, broke)


async def _results(store: Store, sweep: Sweep) -> int:
    return len((await results.document(store, sweep)).model_dump_json())


def _used(redis: Redis) -> int:
    return int(cast("dict[str, int]", redis.info("memory"))["used_memory"])


def _train(service: Service, sweep_id: str, runs: int) -> None:
    """Let trainers train all epochs, as fast as they commit, and end the runs."""
    plan = Plan(service.settings, [sweep_id] * PROCESSES, GPU_STACK, epoch_seconds=0.0, max_runs=max(MOST_RUNS, runs))
    with without_waiting(service.leases.redis), trainers(plan) as fleet:
        fleet.begin()
        fleet.work()
        fleet.end()


def _over_http(sweep: BigSweep, service: Service, sweep_id: str, request: SweepRequest) -> None:
    """Time the same requests over HTTP; what is submitted anew is trained by nobody, and removed."""
    path, body = f"/sweeps/{sweep_id}", request.model_copy(update={"reuse": False}).model_dump_json()
    begun = time.perf_counter()
    submitted = service.http.post("/sweeps", content=body, headers={"Content-Type": "application/json"})
    sweep.http["POST"] = 1000 * (time.perf_counter() - begun)
    for name, part in (("GET", ""), ("summary", "/summary"), ("plot", "/plot"), ("results", "/results")):
        begun = time.perf_counter()
        service.http.get(f"{path}{part}").raise_for_status()
        sweep.http[name] = 1000 * (time.perf_counter() - begun)
    service.http.post(f"{submitted.raise_for_status().headers['Location']}/cancel").raise_for_status()
    service.http.delete(submitted.headers["Location"]).raise_for_status()
