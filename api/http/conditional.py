"""Conditional requests (RFC 9110, section 13): who has the newest version already is told so, and nothing is read."""

import asyncio
import re
from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Header, Path, Request, Response

from api.dependencies import StoreDep
from api.sweeps.store import State, Store
from noisesweep import __version__
from noisesweep.models import Run, Sweep
from shared.store.keys import parse_run_id, parse_sweep_id

CACHE_CONTROL = "private, no-cache"
_TAG = re.compile(r'(?:W/)?("[^"]*")')
IfNoneMatch = Annotated[
    str | None,
    Header(
        description="ETags that the client has: 304 without a body if one of them is the newest.",
        examples=['"48-0.1.0"', "*"],
    ),
]
SweepId = Annotated[str, Path(description="A sweep's id.", examples=["5f0c6a1e9b3d2748"])]
# The `responses` of a route that may answer so.
NOT_MODIFIED: dict[int | str, dict[str, Any]] = {304: {"description": "The client has the newest version."}}


class NotModified(Exception):  # noqa: N818 - no error, and an exception only because it ends the request
    """The client has what it asks for."""

    def __init__(self, etag: str) -> None:
        self.etag = etag


def etag_of(*states: State) -> str:
    """The strong ETag of anything that follows from sweeps' states, and from the program that tells of it."""
    versions = "+".join(f"{state.version}{'-stranded' if state.stranded else ''}" for state in states)
    return f'"{versions}-{__version__}"'


def refuse_known(if_none_match: str | None, etag: str) -> None:
    """Raise NotModified if the header names the ETag. ETags are compared weakly, as the RFC has it for this header."""
    if if_none_match and (if_none_match.strip() == "*" or etag in _TAG.findall(if_none_match)):
        raise NotModified(etag)


async def sweep_if_modified(
    store: StoreDep,
    sweep_id: SweepId,
    if_none_match: IfNoneMatch = None,
) -> Sweep:
    """The sweep that a path names, unless the client has it in its newest version."""
    sweep_id = parse_sweep_id(sweep_id)
    if if_none_match:
        refuse_known(if_none_match, etag_of(await store.state(sweep_id)))
    return await store.sweep(sweep_id)


async def sweeps_if_modified(store: Store, sweep_ids: Sequence[str], if_none_match: str | None) -> list[Sweep]:
    """The sweeps of these ids, unless the client has what follows from all of them in its newest version."""
    sweep_ids = [parse_sweep_id(sweep_id) for sweep_id in sweep_ids]
    if if_none_match:
        refuse_known(if_none_match, etag_of(*await asyncio.gather(*map(store.state, sweep_ids))))
    return await asyncio.gather(*map(store.sweep, sweep_ids))


async def run_if_modified(
    store: StoreDep,
    run_id: Annotated[str, Path(description="A run's id.", examples=["5f0c6a1e9b3d2748-2"])],
    if_none_match: IfNoneMatch = None,
) -> Run:
    """The run that a path names, unless the client has it in its newest version."""
    sweep_id, index = parse_run_id(run_id)
    if if_none_match and await store.exists(sweep_id, index):
        refuse_known(if_none_match, etag_of(await store.state(sweep_id, index)))
    return await store.run(sweep_id, index)


# The sweep or run that a path names, unless the client has it in its newest version.
ModifiedSweepDep = Annotated[Sweep, Depends(sweep_if_modified)]
ModifiedRunDep = Annotated[Run, Depends(run_if_modified)]


def validators(*answered: Sweep | Run) -> dict[str, str]:
    """The headers that let a client ask again cheaply, and make it do so each time."""
    states = (
        State(each.version if isinstance(each, Sweep) else each.sweep_version, stranded=each.status_detail is not None)
        for each in answered
    )
    return {"ETag": etag_of(*states), "Cache-Control": CACHE_CONTROL}


def install(app: FastAPI) -> None:
    """Answer NotModified with 304."""

    async def answer(_request: Request, error: Exception) -> Response:
        assert isinstance(error, NotModified)  # noqa: S101 - registered for this type alone
        headers = {"ETag": error.etag, "Cache-Control": CACHE_CONTROL}
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)

    app.add_exception_handler(NotModified, answer)
