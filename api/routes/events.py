"""/sweeps/{id}/events and /runs/{id}/events: live events as server-sent events, or as pages of JSON."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from api.dependencies import RunDep, StateDep, SweepDep
from api.http.auth import api_key, key_name
from api.http.problems import problem_responses
from api.http.root_path import root_path_of
from api.state import AppState
from api.sweeps.building import build
from api.sweeps.events import is_about
from api.sweeps.reader import NO_EVENT
from noisesweep.models import EventList, EventType
from noisesweep.models.links import to_json
from shared.store.keys import parse_run_id

router = APIRouter(tags=["events"])

EVENT_ID = r"^[0-9]{1,19}-[0-9]{1,19}$"


# Streams and pages are not cacheable, because new events follow.
HEADERS = {"Cache-Control": "no-store", "Vary": "Accept"}


class EventStream(StreamingResponse):
    """Stream of server-sent events. It is opened before the answer starts, so an error still has its own status."""

    media_type = "text/event-stream"

    # FastAPI reads the default of status_code.
    def __init__(self, opening: AbstractAsyncContextManager[AsyncIterator[bytes]], status_code: int = 200) -> None:
        super().__init__((), status_code, HEADERS | {"X-Accel-Buffering": "no"})
        self._opening = opening

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Open the stream, send it, and close it."""
        async with self._opening as self.body_iterator:
            await super().__call__(scope, receive, send)


_EVENT = {
    "type": "object",
    "properties": {
        "id": {"type": "string", "description": "The id of the event, for Last-Event-ID."},
        "event": {"enum": list(EventType)},
        "data": {
            "type": "string",
            "contentMediaType": "application/json",
            "contentSchema": {"$ref": "#/components/schemas/Event"},
        },
    },
    "required": ["id", "event", "data"],
}
_CLOSING = {
    "type": "object",
    "description": "The stream ends early: reconnect with the id of the last event, after `retry` milliseconds.",
    "properties": {"event": {"const": "closing"}, "data": {"const": "{}"}, "retry": {"type": "integer"}},
    "required": ["event", "data"],
}
STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Server-sent events until the sweep or run ends, each with an Event as data; or a page of JSON.",
        "headers": {"Cache-Control": {"required": True, "schema": {"const": "no-store"}}},
        "content": {
            "text/event-stream": {"itemSchema": {"anyOf": [_EVENT, _CLOSING]}},
            "application/json": {"schema": {"$ref": "#/components/schemas/EventList"}},
        },
    },
    204: {"description": "The sweep or run has ended, and no events follow the given id."},
}
EVENTS = STREAM | problem_responses(HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.TOO_MANY_REQUESTS)


class Subscription:
    """Request for events: the position to start from and the format."""

    def __init__(self, state: AppState, request: Request, after: str, *, as_json: bool) -> None:
        self._state = state
        self._request = request
        self._after = after
        self._as_json = as_json

    async def answer(self, path: str, sweep_id: str, index: int | None, *, ended: bool) -> Response:
        """Return the events of a sweep, or those of one of its runs if `index` is given."""
        if self._as_json:
            return await self._page(path, sweep_id, index)
        # EventSource does not reconnect after 204.
        if ended and not await self._has_later_event(sweep_id, index):
            return Response(status_code=HTTPStatus.NO_CONTENT, headers=HEADERS)
        caller, key = key_name(self._request), api_key(self._request)
        return EventStream(self._state.events.open(sweep_id, self._after, index, caller, key))

    async def _has_later_event(self, sweep_id: str, index: int | None) -> bool:
        async for events in self._state.store.all_events(sweep_id, self._after):
            if any(is_about(event, index) for event in events):
                return True
        return False

    async def _page(self, path: str, sweep_id: str, index: int | None) -> Response:
        events = await self._state.store.events(sweep_id, self._after, self._state.limits.events_page)
        page = EventList(
            events=[event for event in events if is_about(event, index)],
            next=f"{path}?after={events[-1].id}" if events else None,
        )
        body = await build(lambda: to_json(page, root_path_of(self._request.scope)), len(events))
        return Response(body, media_type="application/json", headers=HEADERS)


async def _subscription(
    *,
    request: Request,
    state: StateDep,
    last_event_id: Annotated[
        str | None,
        Header(
            pattern=EVENT_ID,
            description="The id of the last received event. Only later events are sent.",
            examples=["1773133200123-0"],
        ),
    ] = None,
    after: Annotated[
        str, Query(pattern=EVENT_ID, description="The same as Last-Event-ID, for clients that cannot set headers.")
    ] = NO_EVENT,
    accept: Annotated[
        str,
        Header(
            description="application/json returns a page of up to 1000 events; any other type returns a stream.",
            examples=["text/event-stream", "application/json"],
        ),
    ] = "*/*",
) -> Subscription:
    as_json = "application/json" in accept and "text/event-stream" not in accept
    return Subscription(state, request, last_event_id or after, as_json=as_json)


SubscriptionDep = Annotated[Subscription, Depends(_subscription)]


@router.get("/sweeps/{sweep_id}/events", response_class=EventStream, responses=EVENTS)
async def follow_sweep(sweep: SweepDep, subscription: SubscriptionDep) -> Response:
    """Stream the events of a sweep and its runs, from the first one or after `Last-Event-ID`."""
    return await subscription.answer(sweep.links.events, sweep.id, None, ended=sweep.status.is_final)


@router.get("/runs/{run_id}/events", response_class=EventStream, responses=EVENTS)
async def follow_run(run: RunDep, subscription: SubscriptionDep) -> Response:
    """Stream the events of one run, from the first one or after `Last-Event-ID`."""
    sweep_id, index = parse_run_id(run.id)
    return await subscription.answer(run.links.events, sweep_id, index, ended=run.status.is_final)
