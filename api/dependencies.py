"""FastAPI dependencies: parts of the application state, and the sweep or run in the path."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Annotated, Any, Protocol

from fastapi import Depends, Path, Request

from api.datasets.cache import DatasetCache
from api.datasets.store import DatasetStore
from api.http.auth import caller_of, key_name
from api.http.conditional import (
    JSON,
    IfMatch,
    IfNoneMatch,
    Representation,
    raise_if_not_modified,
    raise_unless_match,
    target_of,
)
from api.http.root_path import root_path_of
from api.http.turns import Turns, unless_disconnected
from api.keys.access import Access
from api.keys.quotas import QuotaStore
from api.keys.shares import ShareStore
from api.keys.store import KeyStore
from api.limits import Limits
from api.plots.picture import drawing_thread, plot_data_thread
from api.state import AppState
from api.sweeps.events import EventBroadcaster
from api.sweeps.reader import SweepVersion
from api.sweeps.service import SweepService
from api.sweeps.store import RequestContext, Store
from api.sweeps.view import SweepView
from noisesweep.models import Caller, Run, Sweep
from shared.store.keys import parse_run_id, parse_sweep_id

SweepId = Annotated[str, Path(description="The id of a sweep.", examples=["5f0c6a1e9b3d2748"])]
RunId = Annotated[str, Path(description="The id of a run.", examples=["5f0c6a1e9b3d2748-2"])]


def _state_of(request: Request) -> AppState:
    """Return the application state."""
    state: AppState = request.state.app_state
    return state


# Each depends only on the request: FastAPI would resolve a chain of dependencies again for each request.
async def _state(request: Request) -> AppState:
    return _state_of(request)


async def _store(request: Request) -> Store:
    return _state_of(request).store


async def _sweeps(request: Request) -> SweepService:
    return _state_of(request).sweeps


async def _events(request: Request) -> EventBroadcaster:
    return _state_of(request).events


async def _datasets(request: Request) -> DatasetStore:
    return _state_of(request).datasets


async def _arrays(request: Request) -> DatasetCache:
    return _state_of(request).arrays


async def _keys(request: Request) -> KeyStore:
    return _state_of(request).keys


async def _quotas(request: Request) -> QuotaStore:
    return _state_of(request).quotas


async def find_caller(request: Request, key: str) -> Caller:
    """Return who presents an API key or a share link. Raise InvalidKeyError if it is not valid."""
    return await _state_of(request).callers.find(key)


def access_of(request: Request) -> Access:
    """Return what the request's API key may see and change."""
    return Access(caller_of(request), _state_of(request).visibility)


async def check_key(request: Request) -> None:
    """Raise NotAllowedError for a share link."""
    access_of(request).check_key()


async def _shares(request: Request) -> ShareStore:
    return _state_of(request).shares


async def _access(request: Request) -> Access:
    return access_of(request)


def _view(request: Request) -> SweepView:
    return SweepView(_state_of(request).store, access_of(request).may_see)


async def _context(request: Request) -> RequestContext:
    return RequestContext(caller_of(request), request.state.request_id, request.state.traceparent)


class RunInThread(Protocol):
    """Function that runs CPU-heavy work for a request in a thread, when its API key has a turn."""

    async def __call__(
        self, etag: str, work: Callable[..., bytes], read: Callable[[], Awaitable[Any]] | None = None
    ) -> bytes:
        """Return the result of `work`, called with the result of `read` if that is given.

        Requests whose answers have the same ETag share the work. `read` is called in the turn, so that what it reads
        takes no memory while the request waits.
        """
        ...


def _in_turn(request: Request, turns: Turns, thread: ThreadPoolExecutor) -> RunInThread:
    shared, key = _state_of(request).shared_work, key_name(request)

    async def run(etag: str, work: Callable[..., bytes], read: Callable[[], Awaitable[Any]] | None = None) -> bytes:
        async def wait_and_run() -> bytes:
            async with turns.turn(key):
                read_input = [await read()] if read else []
                return await asyncio.get_running_loop().run_in_executor(thread, work, *read_input)

        return await unless_disconnected(request, shared.result(etag, wait_and_run))

    return run


async def _drawing(request: Request) -> RunInThread:
    return _in_turn(request, _state_of(request).pictures, drawing_thread)


async def _plot_data(request: Request) -> RunInThread:
    return _in_turn(request, _state_of(request).plot_data, plot_data_thread)


StateDep = Annotated[AppState, Depends(_state)]
StoreDep = Annotated[Store, Depends(_store)]
SweepsDep = Annotated[SweepService, Depends(_sweeps)]
EventsDep = Annotated[EventBroadcaster, Depends(_events)]
DatasetsDep = Annotated[DatasetStore, Depends(_datasets)]
ArraysDep = Annotated[DatasetCache, Depends(_arrays)]
SharesDep = Annotated[ShareStore, Depends(_shares)]
KeysDep = Annotated[KeyStore, Depends(_keys)]
QuotasDep = Annotated[QuotaStore, Depends(_quotas)]
AccessDep = Annotated[Access, Depends(_access)]
ContextDep = Annotated[RequestContext, Depends(_context)]
DrawingDep = Annotated[RunInThread, Depends(_drawing)]
PlotDataDep = Annotated[RunInThread, Depends(_plot_data)]


class Reads:
    """Conditional reads of sweeps and runs for a request.

    Each read returns what it has read, and the headers of an answer that depends only on this and on the URL. It raises
    NotModified if If-None-Match lists the ETag of that answer. Routes call the reads: a dependency that reads could
    answer 304 or 404 before an invalid option is rejected with 422.
    """

    def __init__(
        self,
        target: str,
        view: SweepView,
        if_none_match: str | None,
        turn: Callable[[], AbstractAsyncContextManager[None]],
    ) -> None:
        self._target, self._view, self._if_none_match, self._turn = target, view, if_none_match, turn

    async def sweep(self, sweep_id: str, representation: Representation = JSON) -> tuple[Sweep, dict[str, str]]:
        """Read a sweep."""
        sweep_id = parse_sweep_id(sweep_id)
        if self._if_none_match:
            self._check(representation, await self._view.version(sweep_id))
        sweep = await self._view.sweep(sweep_id)
        return sweep, self._headers(representation, SweepVersion.of(sweep))

    async def sweeps(
        self, sweep_ids: Sequence[str], representation: Representation = JSON
    ) -> tuple[list[Sweep], dict[str, str]]:
        """Read several sweeps."""
        sweep_ids = [parse_sweep_id(sweep_id) for sweep_id in sweep_ids]
        if self._if_none_match:
            self._check(representation, *await asyncio.gather(*map(self._view.version, sweep_ids)))
        sweeps = await asyncio.gather(*map(self._view.sweep, sweep_ids))
        return sweeps, self._headers(representation, *map(SweepVersion.of, sweeps))

    async def run(self, run_id: str, representation: Representation = JSON) -> tuple[Run, dict[str, str]]:
        """Read a run."""
        sweep_id, index = parse_run_id(run_id)
        if self._if_none_match:
            self._check(representation, await self._view.version(sweep_id, index))
        run = await self._view.run(sweep_id, index)
        return run, self._headers(representation, SweepVersion.of(run))

    async def tagged(
        self, tag: str, limits: Limits, representation: Representation = JSON
    ) -> tuple[list[Sweep], bool, dict[str, str]]:
        """Read the sweeps with a tag, newest first, and return whether they are all that have it.

        Every answer about a class reads its sweeps here, in a turn of the API key, because it may read many sweeps.
        """
        async with self._turn():
            found = await self._view.tagged(tag, limits)
            raise_if_not_modified(self._if_none_match, representation.headers(self._target, found.state))
            sweeps, read = await self._view.read_tagged(found)
        # A sweep may have changed since the search, so the ETag names what was read.
        return sweeps, read.complete, representation.headers(self._target, read.state)

    def _check(self, representation: Representation, *versions: SweepVersion) -> None:
        raise_if_not_modified(self._if_none_match, self._headers(representation, *versions))

    def _headers(self, representation: Representation, *versions: SweepVersion) -> dict[str, str]:
        return representation.headers(self._target, "+".join(map(str, versions)))


# Not the class itself: FastAPI calls what is not asynchronous in a thread.
async def _reads(request: Request, if_none_match: IfNoneMatch = None) -> Reads:
    turn = partial(_state_of(request).plot_data.turn, key_name(request))
    return Reads(target_of(request), _view(request), if_none_match, turn)


async def _sweep(request: Request, sweep_id: SweepId) -> Sweep:
    return await _view(request).sweep(parse_sweep_id(sweep_id))


async def _run(request: Request, run_id: RunId) -> Run:
    return await _view(request).run(*parse_run_id(run_id))


async def _own_sweep(request: Request, sweep_id: SweepId) -> Sweep:
    sweep = await _sweep(request, sweep_id)
    access_of(request).check_change(sweep.submitter)
    return sweep


async def _own_run(request: Request, run_id: RunId) -> Run:
    run = await _run(request, run_id)
    access_of(request).check_change(run.submitter)
    return run


async def _own_sweep_id(request: Request, sweep_id: SweepId) -> str:
    submitter = await _view(request).submitter(parse_sweep_id(sweep_id))
    access_of(request).check_change(submitter)
    return sweep_id


ReadsDep = Annotated[Reads, Depends(_reads)]
SweepDep = Annotated[Sweep, Depends(_sweep)]
RunDep = Annotated[Run, Depends(_run)]
# What the API key of the request may change.
OwnSweepDep = Annotated[Sweep, Depends(_own_sweep)]
OwnRunDep = Annotated[Run, Depends(_own_run)]
# The same for a sweep that perhaps cannot be read.
OwnSweepIdDep = Annotated[str, Depends(_own_sweep_id)]


def headers_of(request: Request, resource: Sweep | Run) -> dict[str, str]:
    """Return the ETag and caching headers that a GET of the sweep or run would return."""
    return _headers(request, resource.links.self, SweepVersion.of(resource))


def _headers(request: Request, path: str, version: SweepVersion) -> dict[str, str]:
    return JSON.headers(f"{root_path_of(request.scope)}{path}?", str(version))


async def _sweep_version(request: Request, sweep_id: SweepId, if_match: IfMatch = None) -> int | None:
    if if_match is None:
        return None
    version = await _view(request).version(parse_sweep_id(sweep_id))
    raise_unless_match(if_match, _headers(request, f"/sweeps/{sweep_id}", version)["ETag"])
    return version.number


async def _run_version(request: Request, run_id: RunId, if_match: IfMatch = None) -> int | None:
    if if_match is None:
        return None
    version = await _view(request).version(*parse_run_id(run_id))
    raise_unless_match(if_match, _headers(request, f"/runs/{run_id}", version)["ETag"])
    return version.number


# The version that a change requires the sweep to have, from If-Match; None without this header.
RequiredSweepVersion = Annotated[int | None, Depends(_sweep_version)]
RequiredRunVersion = Annotated[int | None, Depends(_run_version)]
