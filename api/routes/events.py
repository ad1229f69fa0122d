"""/sweeps/{id}/events and /runs/{id}/events: what happens, as it happens."""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Response
from fastapi.responses import StreamingResponse

from api.dependencies import RunDep, StoreDep, SweepDep, TailDep
from api.http.problems import documented
from api.sweeps.event_log import NO_EVENT
from api.sweeps.events import Tail, concerns
from api.sweeps.store import Store
from noisesweep.models import EventList, EventType
from shared.store.keys import parse_run_id

router = APIRouter(tags=["events"])

PAGE = 1000
EVENT_ID = r"^[0-9]{1,19}-[0-9]{1,19}$"


class EventStream(StreamingResponse):
    """Server-sent events."""

    media_type = "text/event-stream"


# Neither of the two answers is to be kept: the next one differs.
HEADERS = {"Cache-Control": "no-store", "Vary": "Accept"}
_EVENT = {
    "type": "object",
    "properties": {
        "id": {"type": "string", "description": "What Last-Event-ID takes."},
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
    "description": "The service is about to stop: come back for what follows the last event that had an id.",
    "properties": {"event": {"const": "closing"}, "data": {"const": "{}"}, "retry": {"type": "integer"}},
    "required": ["event", "data"],
}
FOLLOWED: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Server-sent events, each with an Event as its data, until all has ended; or a page of them.",
        "headers": {"Cache-Control": {"required": True, "schema": {"const": "no-store"}}},
        "content": {
            "text/event-stream": {"itemSchema": {"anyOf": [_EVENT, _CLOSING]}},
            "application/json": {"schema": {"$ref": "#/components/schemas/EventList"}},
        },
    },
    204: {"description": "All has ended, and there is no event after that one."},
}
EVENTS = FOLLOWED | documented(HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.TOO_MANY_REQUESTS)


class Following:
    """How a client wants to be told, and from where on."""

    def __init__(self, store: Store, tail: Tail, after: str, *, as_json: bool) -> None:
        self._store, self._tail = store, tail
        self._after = after
        self._as_json = as_json

    async def answer(self, path: str, sweep_id: str, index: int | None, *, over: bool) -> Response:
        """The events of the sweep, or of the run at an index of it."""
        if self._as_json:
            return await self._page(path, sweep_id, index)
        # 204 is what keeps a browser from coming back for more.
        if over and not await self._anything_follows(sweep_id, index):
            return Response(status_code=HTTPStatus.NO_CONTENT, headers=HEADERS)
        self._tail.make_sure_of_room()
        stream = self._tail.stream(sweep_id, self._after, index)
        return EventStream(stream, headers=HEADERS | {"X-Accel-Buffering": "no"})

    async def _anything_follows(self, sweep_id: str, index: int | None) -> bool:
        async for event in self._store.events.after(sweep_id, self._after):
            if concerns(event, index):
                return True
        return False

    async def _page(self, path: str, sweep_id: str, index: int | None) -> Response:
        events = await self._store.events.page(sweep_id, self._after, limit=PAGE)
        page = EventList(
            events=[event for event in events if concerns(event, index)],
            next=f"{path}?after={events[-1].id}" if events else None,
        )
        return Response(page.model_dump_json(), media_type="application/json", headers=HEADERS)


async def _following(
    store: StoreDep,
    tail: TailDep,
    last_event_id: Annotated[
        str | None,
        Header(
            pattern=EVENT_ID,
            description="The id of the last event received: only later ones are told.",
            examples=["1773133200123-0"],
        ),
    ] = None,
    after: Annotated[str, Query(pattern=EVENT_ID, description="The same, for clients that set no headers.")] = NO_EVENT,
    accept: Annotated[
        str,
        Header(
            description="application/json gives a page of at most 1000 events; anything else a stream.",
            examples=["text/event-stream", "application/json"],
        ),
    ] = "*/*",
) -> Following:
    as_json = "application/json" in accept and "text/event-stream" not in accept
    return Following(store, tail, last_event_id or after, as_json=as_json)


FollowingDep = Annotated[Following, Depends(_following)]


@router.get("/sweeps/{sweep_id}/events", response_class=EventStream, responses=EVENTS)
async def follow_sweep(sweep: SweepDep, following: FollowingDep) -> Response:
    """What happens to a sweep and its runs: server-sent events from the beginning or after `Last-Event-ID`."""
    return await following.answer(sweep.links.events, sweep.id, None, over=sweep.status.is_final)


@router.get("/runs/{run_id}/events", response_class=EventStream, responses=EVENTS)
async def follow_run(run: RunDep, following: FollowingDep) -> Response:
    """What happens to one run; as for a sweep."""
    sweep_id, index = parse_run_id(run.id)
    return await following.answer(run.links.events, sweep_id, index, over=run.status.is_final)
