"""What routes ask for by type: the store, the queue, and the sweep or run that a path names."""

from typing import Annotated

from celery import Celery
from fastapi import Depends, Path, Request
from fastapi.concurrency import run_in_threadpool

from api.store import Store
from shared.keys import parse_run_id, parse_sweep_id
from shared.models import Run, Sweep, SweepRequest
from shared.queue import publish


def _store(request: Request) -> Store:
    store: Store = request.app.state.store
    return store


def _celery(request: Request) -> Celery:
    return request.app.state.celery


StoreDep = Annotated[Store, Depends(_store)]


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


class Submission:
    """Takes sweeps in: the state is written first, then one message per run is published."""

    def __init__(self, store: StoreDep, celery: Annotated[Celery, Depends(_celery)]) -> None:
        self.store = store
        self.celery = celery

    async def submit(self, request: SweepRequest) -> Sweep:
        """Store the sweep and tell the workers of it."""
        sweep = await self.store.create(request)
        await run_in_threadpool(publish, self.celery, sweep.id, messages=len(sweep.runs))
        return sweep


SubmissionDep = Annotated[Submission, Depends(Submission)]
