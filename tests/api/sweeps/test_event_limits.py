"""Event streams at their limits, opened one by one and concurrently, and with a store that does not answer."""

from collections.abc import Callable
from contextlib import closing

import httpx
import pytest
from redis import Redis

from api.limits import Limits
from api.sweeps.events import closing_event
from shared.settings import Settings
from shared.store.connections import MAX_CONNECTIONS
from shared.store.keys import SweepKeys
from tests.support.api import ApiThread
from tests.support.concurrency import get_all
from tests.support.event_stream import EventStream
from tests.support.keys import configured
from tests.support.training import Training
from tests.support.waiting import wait_until

TWO = {"scales": [0.1, 0.5]}


def submitted(http: httpx.Client) -> str:
    return str(http.post("/sweeps", json=TWO).json()["links"]["self"])


def test_streams_above_the_limit_are_rejected(serve_with_limits: Callable[[Limits], httpx.Client]) -> None:
    http = serve_with_limits(Limits(streams=1))
    sweep = submitted(http)
    stream = EventStream(http, f"{sweep}/events")
    wait_until(lambda: stream.status)
    refused = http.get(f"{sweep}/events")
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) > 0
    assert "application/json" in refused.json()["detail"]
    http.post(f"{sweep}/cancel")
    stream.end()


def test_limit_of_streams_holds_for_concurrent_requests(
    redis: Redis, serve_with_limits: Callable[[Limits], httpx.Client]
) -> None:
    http = serve_with_limits(Limits(streams=3))
    sweep = submitted(http)
    redis.client_pause(500)  # all requests arrive before the first one is answered
    streams = [EventStream(http, f"{sweep}/events") for _ in range(12)]
    wait_until(lambda: all(stream.status for stream in streams))
    assert sorted(stream.status or 0 for stream in streams) == [200] * 3 + [429] * 9
    http.post(f"{sweep}/cancel")
    for stream in streams:
        stream.end()
    again = EventStream(http, f"{sweep}/events")  # ended streams are not counted
    again.end()
    assert again.status == 200


def test_one_key_cannot_open_all_streams(settings: Settings) -> None:
    keys = configured("alice", "bob")
    alice, bob = ({"Authorization": f"Bearer ns_{name}"} for name in keys)
    served = ApiThread(settings.model_copy(update={"api_keys": keys}), Limits(streams=5, streams_per_key=2))
    with closing(served):
        sweep = str(served.http.post("/sweeps", json=TWO, headers=alice).headers["Location"])
        streams = [EventStream(served.http, f"{sweep}/events", headers=key) for key in (alice, alice, bob)]
        wait_until(lambda: all(stream.status for stream in streams))
        refused = served.http.get(f"{sweep}/events", headers=alice)
        assert refused.status_code == 429
        assert "All 2 event streams of this API key are in use" in refused.json()["detail"]
        served.http.post(f"{sweep}/cancel", headers=alice)
        for stream in streams:
            stream.end()
            assert stream.status == 200


def test_many_streams_can_be_opened_at_once(http: httpx.Client, redis: Redis, training: Training) -> None:
    sweep = submitted(http)
    training.epochs(sweep, runs=2, epochs=1, end=True)
    redis.client_pause(1000)  # all requests arrive before the first one is answered
    answers = get_all(http, [f"{sweep}/events"] * (MAX_CONNECTIONS + 50))
    assert {answer.status_code for answer in answers} == {200}
    assert {answer.text for answer in answers} == {answers[0].text}
    assert "event: sweep.ended" in answers[0].text


def test_unreadable_events_are_answered_with_503(http: httpx.Client, redis: Redis) -> None:
    sweep = submitted(http)
    redis.set(SweepKeys(sweep.split("/")[-1]).events, "not a stream")
    assert http.get(f"{sweep}/events").status_code == 503


def test_store_error_ends_stream_with_closing_event_and_one_log_line(
    training: Training,
    redis: Redis,
    serve_with_limits: Callable[[Limits], httpx.Client],
    caplog: pytest.LogCaptureFixture,
) -> None:
    http = serve_with_limits(Limits(stream_backlog=0))  # every event is read again from the store
    sweep = submitted(http)
    stream = EventStream(http, f"{sweep}/events")
    wait_until(lambda: stream.status)
    redis.execute_command("ACL", "SETUSER", "default", "-xrange")  # type: ignore[no-untyped-call]
    try:
        claim = training.claim(sweep, runs=2)
        stream.end()
    finally:
        redis.execute_command("ACL", "SETUSER", "default", "+xrange")  # type: ignore[no-untyped-call]
    assert stream.types == ["closing"]
    (line,) = [record for record in caplog.records if "event stream" in record.getMessage()]
    assert "cannot be read" in line.getMessage()
    assert not [record for record in caplog.records if record.exc_info]
    rest = EventStream(http, f"{sweep}/events")
    training.succeed(claim, 0)
    training.succeed(claim, 1)
    rest.end()
    assert rest.types == [*["run.started"] * 2, *["run.ended"] * 2, "sweep.ended"]


def test_closing_events_spread_the_reconnections() -> None:
    assert len({closing_event() for _ in range(100)}) > 50
