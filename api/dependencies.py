"""What routes ask for by type: the store, the queue, and the sweep or run that a path names."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Depends, Header, Path, Query, Request, Response
from pydantic import BaseModel

from api.http.auth import key_of
from api.http.idempotency import Answer, Idempotency
from api.plots.dataset_cache import Library
from api.sweeps.creations import Origin
from api.sweeps.estimate import estimate
from api.sweeps.events import Tail
from api.sweeps.service import RunQueue
from api.sweeps.store import Store
from noisesweep.models import Estimate, Run, Sweep, SweepRequest
from shared.datasets import check_config
from shared.errors import RunNotFoundError, SweepNotFoundError
from shared.store.keys import new_sweep_id, parse_run_id, parse_sweep_id

# What is submitted is worth looking at after so long.
POLL_AFTER_SECONDS = 2
LONGEST_WAIT_SECONDS = 60
_WAIT = re.compile(r'(?:^|[,;\s])wait\s*=\s*"?([0-9]{1,9})"?\s*(?:[,;]|$)', re.IGNORECASE)


async def _store(request: Request) -> Store:
    store: Store = request.app.state.store
    return store


async def _queue(request: Request) -> RunQueue:
    queue: RunQueue = request.app.state.queue
    return queue


async def _tail(request: Request) -> Tail:
    tail: Tail = request.app.state.tail
    return tail


async def _drawing(request: Request) -> asyncio.Lock:
    drawing: asyncio.Lock = request.app.state.drawing
    return drawing


async def _library(request: Request) -> Library:
    library: Library = request.app.state.library
    return library


async def _inspecting(request: Request) -> asyncio.Lock:
    inspecting: asyncio.Lock = request.app.state.inspecting
    return inspecting


# Held while a picture is drawn: there is no more than one at a time, and who waits for theirs keeps no thread waiting.
DrawingDep = Annotated[asyncio.Lock, Depends(_drawing)]
# Likewise while the noise of images is: that of MNIST's last takes a second.
InspectingDep = Annotated[asyncio.Lock, Depends(_inspecting)]
LibraryDep = Annotated[Library, Depends(_library)]
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


# The `responses` of a route that can be asked for a dry run.
ESTIMATE: dict[int | str, dict[str, Any]] = {
    200: {"model": Estimate, "description": "A dry run: what it would cost. Nothing was stored."}
}


class Submission:
    """A POST that takes runs in: safe to repeat if it brings a key, and answered at the end if that is preferred."""

    def __init__(self, request: Request, key: str | None, wait_seconds: int, *, dry_run: bool) -> None:
        state, store = request.app.state, request.app.state.store
        self._queue: RunQueue = state.queue
        self._tail: Tail = state.tail
        self._store: Store = store
        self._path = request.url.path
        self._origin = Origin(key_of(request), request.state.request_id, request.state.traceparent)
        self._idempotency = Idempotency(store.redis, self._origin.key)
        self._key = key
        self._wait_seconds = wait_seconds
        self._dry_run = dry_run

    async def answer(
        self, request: BaseModel, sweep: SweepRequest, read: Callable[[str], Awaitable[Answer]]
    ) -> Response:
        """Submit a sweep, or find the one that was submitted before, and answer 202 with what `read` makes of its id.

        A dry run only estimates, and is refused where the submission would be.

        Args:
            request: What the client sent.
            sweep: The sweep that it stands for.
            read: Reads the answer by the sweep's id.
        """
        check_config(sweep)
        if self._dry_run:
            reused = len(await self._queue.trained_before(sweep, sweep.grid()))
            await self._queue.make_sure_of_room(len(sweep.grid()) - reused, self._origin.key)
            estimated = await estimate(sweep, reused, self._queue.backlog, self._store.workers)
            return Response(estimated.model_dump_json(), media_type="application/json")

        async def submit(sweep_id: str) -> Answer:
            await self._queue.submit(sweep_id, sweep, self._origin)
            return await read(sweep_id)

        if self._wait_seconds:
            self._tail.make_sure_of_room()  # before anything is stored
        if self._key is None:
            answer = await submit(new_sweep_id())
        else:
            # Without defaults, so that it is the same request to a program that knows more fields.
            whole = f"{self._path} {request.model_dump_json(exclude_defaults=True)}".encode()
            answer = await self._idempotency.answer(self._key, whole, submit)
        headers = {"Retry-After": str(POLL_AFTER_SECONDS)}
        if self._wait_seconds:
            await self._tail.wait_for_end(answer.sweep_id, self._wait_seconds)
            with suppress(SweepNotFoundError, RunNotFoundError):  # deleted since: a key keeps the answer that it got
                answer = await read(answer.sweep_id)
            headers["Preference-Applied"] = f"wait={self._wait_seconds}"
        return Response(answer.body, HTTPStatus.ACCEPTED, {"Location": answer.location, **headers}, "application/json")


async def _submission(
    *,
    request: Request,
    idempotency_key: Annotated[
        str | None,
        Header(
            min_length=1,
            max_length=255,
            pattern=r"^[!-~]([ -~]*[!-~])?$",  # blanks around it are none of a header's value
            description="Makes the request safe to repeat: for a day the same key gets the same answer.",
        ),
    ] = None,
    prefer: Annotated[
        str,
        Header(
            description="wait=N answers when all runs have ended or after N seconds, at most 60 (RFC 7240).",
            examples=["wait=30"],
        ),
    ] = "",
    dry_run: Annotated[
        bool, Query(description="Store nothing, and answer 200 with an Estimate of what it would cost.")
    ] = False,
) -> Submission:
    wait = _WAIT.search(prefer)
    wait_seconds = min(int(wait[1]), LONGEST_WAIT_SECONDS) if wait else 0
    return Submission(request, idempotency_key, wait_seconds, dry_run=dry_run)


SubmissionDep = Annotated[Submission, Depends(_submission)]
