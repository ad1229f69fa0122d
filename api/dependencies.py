"""What routes ask for by type: the store, the queue, and the sweep or run that a path names."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Header, Path, Request, Response
from pydantic import BaseModel

from api.events import Tail
from api.idempotency import Answer, Idempotency
from api.queue import RunQueue
from api.store import Store
from shared.keys import new_sweep_id, parse_run_id, parse_sweep_id
from shared.models import Run, Sweep

# What is submitted is worth looking at after so long.
POLL_AFTER_SECONDS = 2


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


class Submission:
    """A POST that takes runs in, with the key that makes it safe to repeat."""

    def __init__(
        self,
        request: Request,
        store: StoreDep,
        queue: QueueDep,
        idempotency_key: Annotated[
            str | None,
            Header(
                min_length=1,
                max_length=255,
                pattern=r"^[ -~]+$",
                description="Makes the request safe to repeat: for a day the same key gets the same answer.",
            ),
        ] = None,
    ) -> None:
        self.queue = queue
        self._path = request.url.path
        self._idempotency, self._key = Idempotency(store.redis), idempotency_key

    async def answer(self, request: BaseModel, submit: Callable[[str], Awaitable[Answer]]) -> Response:
        """Submit under a fresh sweep id, or answer as before; 202 in either case."""
        if self._key is None:
            answer = await submit(new_sweep_id())
        else:
            whole = f"{self._path} {request.model_dump_json()}".encode()
            answer = await self._idempotency.answer(self._key, whole, submit)
        headers = {"Location": answer.location, "Retry-After": str(POLL_AFTER_SECONDS)}
        return Response(answer.body, HTTPStatus.ACCEPTED, headers, "application/json")


SubmissionDep = Annotated[Submission, Depends(Submission)]
