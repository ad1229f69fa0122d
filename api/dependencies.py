"""What routes ask for by type: the store, the queue, and the sweep or run that a path names."""

from typing import Annotated

from fastapi import Depends, Path, Request

from api.events import Tail
from api.queue import RunQueue
from api.store import Store
from shared.keys import parse_run_id, parse_sweep_id
from shared.models import Run, Sweep


def _store(request: Request) -> Store:
    store: Store = request.app.state.store
    return store


def _queue(request: Request) -> RunQueue:
    queue: RunQueue = request.app.state.queue
    return queue


def _tail(request: Request) -> Tail:
    tail: Tail = request.app.state.tail
    return tail


TailDep = Annotated[Tail, Depends(_tail)]
StoreDep = Annotated[Store, Depends(_store)]
QueueDep = Annotated[RunQueue, Depends(_queue)]


async def _sweep(
    store: StoreDep, sweep_id: Annotated[str, Path(description="A sweep's id.", examples=["5f0c6a1e9b3d2748"])]
) -> Sweep:
    return await store.sweep(parse_sweep_id(sweep_id))


async def _run(
    store: StoreDep, run_id: Annotated[str, Path(description="A run's id.", examples=["5f0c6a1e9b3d2748-2"])]
) -> Run:
    return await store.run(*parse_run_id(run_id))


SweepDep = Annotated[Sweep, Depends(_sweep)]
RunDep = Annotated[Run, Depends(_run)]
