"""Tests of retries, pauses and timeouts on a scripted network."""

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from noisesweep import RefusedError, ServiceUnreachableError, SweepHandle, WrongUsageError
from noisesweep.models import RunStatus
from tests.noisesweep.client.scripted_network import Network, in_turn
from tests.support.records import SWEEP_ID, run_summary, sweep_of

LOST = httpx.ReadError("the connection was cut")
TIMEOUT = httpx.ReadTimeout("")
NOT_LISTENING = httpx.ConnectError("[Errno 111] Connection refused")


def problem(status: int, slug: str, **headers: str) -> httpx.Response:
    document = {"type": f"/problems/{slug}", "title": "", "status": status, "detail": slug, "instance": "/sweeps"}
    return httpx.Response(status, json=document, headers={k.replace("_", "-"): v for k, v in headers.items()})


SWEEP = sweep_of([run_summary(0, 1.0, RunStatus.QUEUED)])
ACCEPTED = httpx.Response(202, content=SWEEP.model_dump_json())
READ = httpx.Response(200, content=SWEEP.model_dump_json(), headers={"ETag": '"1"'})
UNCHANGED = httpx.Response(304)
BUSY = problem(429, "queue-full", Retry_After="4")
UNAVAILABLE = problem(503, "store-unavailable", Retry_After="2")
NOT_FOUND = problem(404, "not-found")
GATEWAYS = [httpx.Response(status, text="<h1>No answer</h1>") for status in (502, 503, 504)]


def submit(network: Network, timeout: float = 30.0) -> SweepHandle:
    with network.service(timeout) as service:
        return service.submit(scales=[1])


@pytest.mark.parametrize("failure", [LOST, TIMEOUT, UNAVAILABLE, BUSY, *GATEWAYS])
def test_failed_submission_is_repeated_unchanged(
    failure: httpx.Response | httpx.TransportError,
) -> None:
    network = in_turn(failure, failure, ACCEPTED)
    assert submit(network).id == SWEEP_ID
    first, *others = network.requests
    assert len(others) == 2
    for other in others:
        assert (other.headers, other.content) == (first.headers, first.content)
    assert first.headers["Idempotency-Key"]


def test_invalid_request_is_neither_repeated_nor_shown() -> None:
    network = in_turn(httpx.LocalProtocolError("Illegal header value b'Bearer secret'"), ACCEPTED)
    with pytest.raises(WrongUsageError) as refused:
        submit(network)
    assert len(network.requests) == 1
    assert "secret" not in str(refused.value)


def test_each_submission_has_its_own_idempotency_key() -> None:
    network = in_turn(ACCEPTED)
    submit(network)
    submit(network)
    assert len({request.headers["Idempotency-Key"] for request in network.requests}) == 2


@given(
    st.lists(st.sampled_from([LOST, TIMEOUT, UNAVAILABLE, BUSY, NOT_LISTENING]), min_size=1, max_size=6),
    st.floats(0.1, 60),
)
def test_requests_respect_the_total_timeout(
    outcomes: list[httpx.Response | httpx.TransportError], seconds: float
) -> None:
    network = in_turn(*outcomes)
    with pytest.raises((ServiceUnreachableError, RefusedError)):
        submit(network, seconds)
    assert network.clock.seconds <= seconds + 0.1  # the minimum timeout of the last attempt


def test_unreachable_service_fails_within_seconds() -> None:
    network = in_turn(NOT_LISTENING)
    with pytest.raises(
        ServiceUnreachableError, match=r"no answer from http://127.0.0.1:8000 \(Connection refused\)"
    ) as raised:
        submit(network)
    assert len(network.requests) > 1
    assert network.clock.seconds < 2.5
    assert "noisesweep up" in str(raised.value)


def test_restarting_service_is_retried_after_first_contact() -> None:
    network = in_turn(LOST, *[NOT_LISTENING] * 7, ACCEPTED)
    assert submit(network).id == SWEEP_ID
    assert network.clock.seconds > 5


def test_retry_after_is_honoured() -> None:
    network = in_turn(BUSY, ACCEPTED)
    submit(network)
    assert 4 <= network.clock.seconds < 5


def test_retry_after_beyond_the_timeout_fails_immediately() -> None:
    network = in_turn(BUSY)
    with pytest.raises(RefusedError) as refused:
        submit(network, 3)
    assert network.clock.seconds == 0
    assert refused.value.retry_after_seconds == 4


@pytest.mark.parametrize(
    "refusal", [problem(422, "invalid-request"), problem(409, "conflict"), problem(500, "internal-error")]
)
def test_permanent_rejection_is_not_retried(refusal: httpx.Response) -> None:
    network = in_turn(refusal)
    with pytest.raises(RefusedError, match=refusal.json()["detail"]):
        submit(network)
    assert len(network.requests) == 1


@pytest.mark.parametrize("answer", [httpx.Response(404, text="<html>"), httpx.Response(200, json={"hello": "world"})])
def test_answer_of_another_program_is_detected(answer: httpx.Response) -> None:
    with pytest.raises(ServiceUnreachableError, match=r"unexpected answer from http://127.0.0.1:8000"):
        submit(in_turn(answer))


def test_delete_succeeds_if_only_the_reply_was_lost() -> None:
    network = in_turn(READ, READ, LOST, NOT_FOUND)
    with network.service() as service:
        service.sweep(SWEEP_ID).delete()
    assert [request.method for request in network.requests] == ["GET", "GET", "DELETE", "DELETE"]


def test_delete_of_an_unknown_sweep_is_rejected() -> None:
    with in_turn(READ, NOT_FOUND).service() as service, pytest.raises(RefusedError, match="not-found"):
        service.sweep(SWEEP_ID).delete()


def test_poll_stops_in_time_and_requests_only_changes() -> None:
    network = in_turn(READ, READ, UNCHANGED)
    with network.service() as service:
        records = list(service.sweep(SWEEP_ID).poll(within_seconds=10))
    assert network.clock.seconds == pytest.approx(10)
    assert records == [SWEEP] * (len(network.requests) - 1)
    assert "If-None-Match" not in network.requests[1].headers
    assert network.requests[2].headers["If-None-Match"] == '"1"'


def test_poll_stops_when_the_sweep_has_ended() -> None:
    ended = sweep_of([run_summary(0, 1.0, RunStatus.SUCCEEDED)])
    last = httpx.Response(200, content=ended.model_dump_json(), headers={"ETag": '"2"'})
    with in_turn(READ, READ, UNCHANGED, last).service() as service:
        sweep = service.sweep(SWEEP_ID)
        assert list(sweep.poll()) == [SWEEP, SWEEP, ended]
        assert sweep.status is RunStatus.SUCCEEDED


def test_poll_survives_a_restart_of_the_service() -> None:
    with in_turn(READ, READ, *[NOT_LISTENING] * 7, UNCHANGED).service() as service:
        records = service.sweep(SWEEP_ID).poll()
        assert [next(records), next(records)] == [SWEEP, SWEEP]


def test_slow_request_gets_the_whole_timeout_for_one_attempt() -> None:
    network = in_turn(READ, httpx.Response(200, content=b"a,b"))
    with network.service(timeout=25) as service:
        assert service.sweep(SWEEP_ID).csv() == b"a,b"
    assert [request.extensions["timeout"]["read"] for request in network.requests] == [10, 25]
