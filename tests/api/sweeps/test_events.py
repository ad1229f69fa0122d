"""Tests that subscribers receive every event once and in order, also after reconnecting."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from redis import Redis

from api.limits import Limits
from api.sweeps.events import parse_event_id
from shared.settings import Settings
from shared.store.keys import SweepKeys
from tests.support.api import ApiThread
from tests.support.event_stream import EventStream
from tests.support.training import Training
from tests.support.waiting import wait_until

TWO = {"scales": [0.1, 0.5]}


def submitted(http: httpx.Client) -> str:
    return str(http.post("/sweeps", json=TWO).json()["links"]["self"])


ALL_TYPES = ["run.started"] * 2 + ["epoch", "run.ended"] * 2 + ["sweep.ended"]


def finished(http: httpx.Client, training: Training) -> str:
    sweep = submitted(http)
    training.epochs(sweep, runs=2, epochs=1, end=True)
    return sweep


def test_stream_contains_past_and_new_events_until_the_end(http: httpx.Client, training: Training) -> None:
    sweep = submitted(http)
    claim = training.claim(sweep, runs=2)
    training.commit(claim, 0, epoch=0)
    stream = EventStream(http, f"{sweep}/events")
    stream.wait_for(3)
    training.succeed(claim, 0)
    stream.wait_for(4)
    training.commit(claim, 1, epoch=0)
    training.succeed(claim, 1)
    stream.end()
    assert stream.status == 200
    assert stream.types == ALL_TYPES
    assert [event.id for event in stream.events] == stream.ids == sorted(set(stream.ids))
    epoch = stream.events[2]
    assert epoch.metrics
    assert epoch.metrics.epoch == 0
    assert epoch.run_id == f"{sweep.rsplit('/', maxsplit=1)[-1]}-0"
    assert stream.events[3].status == "succeeded"


def test_reconnecting_client_gets_only_the_remaining_events(http: httpx.Client, training: Training) -> None:
    sweep = finished(http, training)
    whole = EventStream(http, f"{sweep}/events")
    whole.end()
    for count, event_id in enumerate(whole.ids[:-1], start=1):
        rest = EventStream(http, f"{sweep}/events", after=event_id)
        rest.end()
        assert rest.events == whole.events[count:]
    at_the_end = EventStream(http, f"{sweep}/events", after=whole.ids[-1])
    at_the_end.end()
    assert at_the_end.status == 204


def test_run_stream_contains_only_its_own_events(http: httpx.Client, training: Training) -> None:
    sweep = submitted(http)
    run = http.get(sweep).json()["runs"][1]["links"]["events"]
    stream = EventStream(http, run)
    claim = training.claim(sweep, runs=2)
    training.commit(claim, 0, epoch=0)
    training.commit(claim, 1, epoch=0)
    training.succeed(claim, 1)
    stream.end()
    assert stream.types == ["run.started", "epoch", "run.ended"]
    assert {event.run_id for event in stream.events} == {run.split("/")[2]}
    training.commit(claim, 0, epoch=1)
    again = EventStream(http, run, after=stream.ids[-1])
    again.end()
    assert again.status == 204


def test_stream_of_retried_sweep_continues_to_its_end(http: httpx.Client, training: Training) -> None:
    sweep = submitted(http)
    http.post(f"{sweep}/cancel")
    http.post(f"{sweep}/retry")
    stream = EventStream(http, f"{sweep}/events")
    stream.wait_for(5)
    training.epochs(sweep, runs=2, epochs=1, end=True)
    stream.end()
    assert stream.types == ["run.ended"] * 2 + ["sweep.ended"] + ["run.queued"] * 2 + ALL_TYPES


def test_events_are_available_as_json_pages(
    training: Training, serve_with_limits: Callable[[Limits], httpx.Client]
) -> None:
    http = serve_with_limits(Limits(events_page=3))
    sweep = finished(http, training)
    events, path = [], f"{sweep}/events"
    while path:
        page = http.get(path, headers={"Accept": "application/json"}).raise_for_status().json()
        assert len(page["events"]) <= 3
        events += page["events"]
        path = page["next"]
    assert [event["type"] for event in events] == ALL_TYPES


def test_idle_stream_sends_comments_until_the_sweep_ends(
    serve_with_limits: Callable[[Limits], httpx.Client],
) -> None:
    http = serve_with_limits(Limits(keepalive_seconds=0.05))
    sweep = submitted(http)
    stream = EventStream(http, f"{sweep}/events")
    wait_until(lambda: stream.comments > 3)
    http.post(f"{sweep}/cancel")
    stream.end()
    assert stream.types == ["run.ended", "run.ended", "sweep.ended"]
    deleted = submitted(http)
    orphan = EventStream(http, f"{deleted}/events")
    wait_until(lambda: orphan.comments > 0)
    http.post(f"{deleted}/cancel")
    http.delete(deleted)
    orphan.end()


def test_slow_client_gets_every_event_once(
    training: Training, serve_with_limits: Callable[[Limits], httpx.Client]
) -> None:
    http = serve_with_limits(Limits(stream_backlog=1))
    sweep = submitted(http)
    streams = [EventStream(http, f"{sweep}/events") for _ in range(3)]
    claim = training.claim(sweep, runs=2)
    for epoch in range(20):
        training.commit(claim, 0, epoch)
        training.commit(claim, 1, epoch)
    training.succeed(claim, 0)
    training.succeed(claim, 1)
    for stream in streams:
        stream.end()
        assert len(stream.events) == 2 + 40 + 3
        assert stream.ids == sorted(set(stream.ids), key=parse_event_id)


@contextmanager
def serve(settings: Settings) -> Iterator[ApiThread]:
    served = ApiThread(settings)
    try:
        yield served
    finally:
        served.close()


def test_stopping_server_sends_closing_event(settings: Settings, http: httpx.Client, training: Training) -> None:
    sweep = submitted(http)
    claim = training.claim(sweep, runs=2)
    with serve(settings) as old:
        stream = EventStream(old.http, f"{sweep}/events")
        stream.wait_for(2)
    stream.end()
    assert stream.types == ["run.started"] * 2 + ["closing"]
    training.commit(claim, 0, epoch=0)
    rest = EventStream(http, f"{sweep}/events", after=stream.ids[-1])
    rest.wait_for(1)
    http.post(f"{sweep}/cancel")
    training.succeed(claim, 0)
    training.succeed(claim, 1)
    rest.end()
    assert rest.types == ["epoch", *["run.cancelling"] * 2, *["run.ended"] * 2, "sweep.ended"]


def test_streams_share_one_connection_to_the_store(http: httpx.Client, redis: Redis, training: Training) -> None:
    sweeps = [submitted(http) for _ in range(20)]
    first = EventStream(http, f"{sweeps[0]}/events")
    claims = [training.claim(sweep, runs=2) for sweep in sweeps]
    first.wait_for(2)
    blocked = [len(stream_readers(redis))]
    others = [EventStream(http, f"{sweep}/events") for sweep in sweeps[1:]]
    for stream in others:
        stream.wait_for(2)
    blocked.append(len(stream_readers(redis)))
    assert blocked == [1, 1]
    for claim in claims:
        training.succeed(claim, 0)
        training.succeed(claim, 1)
    for stream in [first, *others]:
        stream.end()


def stream_readers(redis: Redis) -> list[object]:
    """Return the connections whose last command was XREAD."""
    return [client for client in redis.client_list() if client["cmd"] == "xread"]


@pytest.mark.parametrize("event_id", ["0", "yesterday", "1-2-3", "99999999999999999999-0", "-"])
def test_malformed_event_id_is_rejected(http: httpx.Client, event_id: str) -> None:
    sweep = submitted(http)
    for answer in (
        http.get(f"{sweep}/events", headers={"Last-Event-ID": event_id}),
        http.get(f"{sweep}/events", params={"after": event_id}),
    ):
        assert answer.status_code == 422
    assert http.get("/sweeps/0123456789abcdef/events").status_code == 404


@pytest.mark.parametrize("unreadable", [
    {"type": "run.levitated", "index": "0", "data": "{}"},
    {"type": "epoch", "index": "0", "data": "{}"},
    {"type": "run.ended", "index": "0", "data": '{"status": "levitated"}'},
    {"kind": "epoch"},
])  # fmt: skip
def test_unreadable_event_of_a_newer_worker_is_skipped(
    http: httpx.Client, training: Training, redis: Redis, unreadable: dict[Any, Any]
) -> None:
    sweep = submitted(http)
    events = SweepKeys(sweep.split("/")[-1]).events
    redis.xadd(events, unreadable)
    stream = EventStream(http, f"{sweep}/events")
    redis.xadd(events, unreadable)
    training.epochs(sweep, runs=2, epochs=1, end=True)
    stream.end()
    assert stream.types == [*["run.started"] * 2, *["epoch", "run.ended"] * 2, "sweep.ended"]
    page = http.get(f"{sweep}/events", headers={"Accept": "application/json"}).json()
    assert [event["type"] for event in page["events"]] == stream.types


def test_run_stream_is_kept_alive_during_events_of_others(
    training: Training, serve_with_limits: Callable[[Limits], httpx.Client]
) -> None:
    http = serve_with_limits(Limits(keepalive_seconds=0.1))
    sweep = submitted(http)
    stream = EventStream(http, f"/runs/{sweep.split('/')[-1]}-1/events")
    claim = training.claim(sweep, runs=1)
    for epoch in range(8):
        training.commit(claim, 0, epoch)
        time.sleep(0.05)
    wait_until(lambda: stream.comments >= 2)
    training.succeed(claim, 0)
    training.epochs(sweep, runs=1, epochs=1, end=True)
    stream.end()
    assert stream.types == ["run.started", "epoch", "run.ended"]
