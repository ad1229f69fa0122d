"""FastAPI dependencies: parts of the application state, and the sweep or run in the path."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated

from fastapi import Depends, Path, Request

from api.http.auth import key_name
from api.http.conditional import IfMatch, IfNoneMatch, raise_if_not_modified, raise_unless_match, validators
from api.http.turns import Turns, unless_disconnected
from api.plots.dataset_cache import DatasetCache
from api.plots.picture import drawing_thread, plot_data_thread
from api.state import AppState
from api.sweeps.events import EventBroadcaster
from api.sweeps.reader import SweepVersion
from api.sweeps.records import is_stranded
from api.sweeps.service import SweepService
from api.sweeps.store import RequestContext, Store
from noisesweep import __version__
from noisesweep.models import Run, Sweep
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


async def _datasets(request: Request) -> DatasetCache:
    return _state_of(request).datasets


async def _context(request: Request) -> RequestContext:
    return RequestContext(key_name(request), request.state.request_id, request.state.traceparent)


# Runs CPU-heavy work for a request in a thread, when its API key has a turn, and returns the result.
RunInThread = Callable[[Callable[[], bytes]], Awaitable[bytes]]


def _in_turn(request: Request, turns: Turns, thread: ThreadPoolExecutor) -> RunInThread:
    async def wait_and_run(work: Callable[[], bytes]) -> bytes:
        async with turns.turn(key_name(request)):
            return await asyncio.get_running_loop().run_in_executor(thread, work)

    return lambda work: unless_disconnected(request, wait_and_run(work))


async def _drawing(request: Request) -> RunInThread:
    return _in_turn(request, _state_of(request).pictures, drawing_thread)


async def _plot_data(request: Request) -> RunInThread:
    return _in_turn(request, _state_of(request).plot_data, plot_data_thread)


StateDep = Annotated[AppState, Depends(_state)]
StoreDep = Annotated[Store, Depends(_store)]
SweepsDep = Annotated[SweepService, Depends(_sweeps)]
EventsDep = Annotated[EventBroadcaster, Depends(_events)]
DatasetsDep = Annotated[DatasetCache, Depends(_datasets)]
ContextDep = Annotated[RequestContext, Depends(_context)]
DrawingDep = Annotated[RunInThread, Depends(_drawing)]
PlotDataDep = Annotated[RunInThread, Depends(_plot_data)]


def etag_of(*versions: SweepVersion) -> str:
    """Return the strong ETag of an answer that depends only on these sweep versions and the program version."""
    states = "+".join(f"{each.version}{'-stranded' if each.stranded else ''}" for each in versions)
    return f'"{states}-{__version__}"'


def sweep_validators(*resources: Sweep | Run) -> dict[str, str]:
    """Return the ETag and caching headers of an answer that depends only on these sweeps or runs."""
    versions = (
        SweepVersion(each.version if isinstance(each, Sweep) else each.sweep_version, stranded=is_stranded(each))
        for each in resources
    )
    return validators(etag_of(*versions))


async def _sweep(store: StoreDep, sweep_id: SweepId) -> Sweep:
    return await store.sweep(parse_sweep_id(sweep_id))


async def _run(store: StoreDep, run_id: RunId) -> Run:
    return await store.run(*parse_run_id(run_id))


async def sweep_if_modified(store: StoreDep, sweep_id: SweepId, if_none_match: IfNoneMatch = None) -> Sweep:
    """Return the sweep; raise NotModified if the client has its current version."""
    sweep_id = parse_sweep_id(sweep_id)
    if if_none_match:
        raise_if_not_modified(if_none_match, etag_of(await store.version(sweep_id)))
    return await store.sweep(sweep_id)


async def sweeps_if_modified(store: Store, sweep_ids: Sequence[str], if_none_match: str | None) -> list[Sweep]:
    """Return the sweeps; raise NotModified if the client has the current version of an answer made from all of them."""
    sweep_ids = [parse_sweep_id(sweep_id) for sweep_id in sweep_ids]
    if if_none_match:
        raise_if_not_modified(if_none_match, etag_of(*await asyncio.gather(*map(store.version, sweep_ids))))
    return await asyncio.gather(*map(store.sweep, sweep_ids))


async def run_if_modified(store: StoreDep, run_id: RunId, if_none_match: IfNoneMatch = None) -> Run:
    """Return the run; raise NotModified if the client has its current version."""
    sweep_id, index = parse_run_id(run_id)
    if if_none_match:
        raise_if_not_modified(if_none_match, etag_of(await store.version(sweep_id, index)))
    return await store.run(sweep_id, index)


SweepDep = Annotated[Sweep, Depends(_sweep)]
RunDep = Annotated[Run, Depends(_run)]


async def _sweep_version(sweep: SweepDep, if_match: IfMatch = None) -> int | None:
    raise_unless_match(if_match, sweep_validators(sweep)["ETag"])
    return sweep.version if if_match else None


async def _run_version(run: RunDep, if_match: IfMatch = None) -> int | None:
    raise_unless_match(if_match, sweep_validators(run)["ETag"])
    return run.sweep_version if if_match else None


# The version that a change requires the sweep to have, from If-Match; None without this header.
RequiredSweepVersion = Annotated[int | None, Depends(_sweep_version)]
RequiredRunVersion = Annotated[int | None, Depends(_run_version)]
ModifiedSweepDep = Annotated[Sweep, Depends(sweep_if_modified)]
ModifiedRunDep = Annotated[Run, Depends(run_if_modified)]
