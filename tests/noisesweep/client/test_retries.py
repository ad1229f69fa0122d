"""How often, how soon and how long a request is sent again, on a scripted network."""

import inspect

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.http.idempotency import LONGEST_REQUEST_SECONDS
from noisesweep import NoiseSweep, RefusedError, ServiceUnreachableError, SweepHandle, WrongUsageError
from noisesweep.client.retries import LONGEST_PAUSE_SECONDS
from noisesweep.models import RunStatus
from tests.noisesweep.client.scripted_network import Network, in_turn
from tests.support.records import SWEEP_ID, run_summary, sweep_of

LOST = httpx.ReadError("the connection was cut")
SILENT = httpx.ReadTimeout("")
ABSENT = httpx.ConnectError("[Errno 111] Connection refused")


def problem(status: int, slug: str, **headers: str) -> httpx.Response:
    document = {"type": f"/problems/{slug}", "title": "", "status": status, "detail": slug, "instance": "/sweeps"}
    return httpx.Response(status, json=document, headers={k.replace("_", "-"): v for k, v in headers.items()})


SWEEP = sweep_of([run_summary(0, 1.0, RunStatus.QUEUED)])
ACCEPTED = httpx.Response(202, content=SWEEP.model_dump_json())
READ = httpx.Response(200, content=SWEEP.model_dump_json(), headers={"ETag": '"1"'})
UNCHANGED = httpx.Response(304)
BUSY = problem(429, "queue-full", Retry_After="4")
AWAY = problem(503, "store-unavailable", Retry_After="2")
IN_USE = problem(409, "idempotency-key-in-use")
NOT_FOUND = problem(404, "not-found")
GATEWAYS = [httpx.Response(status, text="<h1>No answer</h1>") for status in (502, 503, 504)]


def submit(network: Network, timeout: float = 30.0) -> SweepHandle:
    with network.service(timeout) as service:
        return service.submit(scales=[1])


@pytest.mark.parametrize("failure", [LOST, SILENT, AWAY, BUSY, IN_USE, *GATEWAYS])
def test_submission_without_an_answer_is_sent_again_and_is_the_same(
    failure: httpx.Response | httpx.TransportError,
) -> None:
    network = in_turn(failure, failure, ACCEPTED)
    assert submit(network).id == SWEEP_ID
    first, *others = network.requests
    assert len(others) == 2
    for other in others:
        assert (other.headers, other.content) == (first.headers, first.content)
    assert first.headers["Idempotency-Key"]


def test_submission_that_died_with_its_api_is_let_through_before_the_client_gives_up() -> None:
    """Until then the service says that it is being answered."""
    default = inspect.signature(NoiseSweep).parameters["timeout"].default
    assert default > LONGEST_REQUEST_SECONDS + LONGEST_PAUSE_SECONDS


def test_invalid_request_is_not_sent_again_and_not_shown() -> None:
    network = in_turn(httpx.LocalProtocolError("Illegal header value b'Bearer secret'"), ACCEPTED)
    with pytest.raises(WrongUsageError) as refused:
        submit(network)
    assert len(network.requests) == 1
    assert "secret" not in str(refused.value)


def test_two_submissions_have_two_keys() -> None:
    network = in_turn(ACCEPTED)
    submit(network)
    submit(network)
    assert len({request.headers["Idempotency-Key"] for request in network.requests}) == 2


@given(
    st.lists(st.sampled_from([LOST, SILENT, AWAY, BUSY, IN_USE, ABSENT]), min_size=1, max_size=6), st.floats(0.1, 60)
)
def test_no_request_takes_longer_than_its_timeout(
    outcomes: list[httpx.Response | httpx.TransportError], seconds: float
) -> None:
    network = in_turn(*outcomes)
    with pytest.raises((ServiceUnreachableError, RefusedError)):
        submit(network, seconds)
    assert network.clock.seconds <= seconds + 0.1  # the last attempt has a tenth of a second in any case


def test_service_that_does_not_listen_is_given_up_soon_and_named() -> None:
    network = in_turn(ABSENT)
    with pytest.raises(
        ServiceUnreachableError, match=r"127.0.0.1:8000 does not answer \(Connection refused\)"
    ) as raised:
        submit(network)
    assert len(network.requests) > 1
    assert network.clock.seconds < 2.5
    assert "noisesweep up" in str(raised.value)


def test_service_that_stops_listening_is_waited_for_once_something_was_sent() -> None:
    network = in_turn(LOST, *[ABSENT] * 7, ACCEPTED)
    assert submit(network).id == SWEEP_ID
    assert network.clock.seconds > 5


def test_retry_after_is_honoured() -> None:
    network = in_turn(BUSY, ACCEPTED)
    submit(network)
    assert 4 <= network.clock.seconds < 5


def test_wait_that_is_too_long_is_not_begun() -> None:
    network = in_turn(BUSY)
    with pytest.raises(RefusedError) as refused:
        submit(network, 3)
    assert network.clock.seconds == 0
    assert refused.value.retry_after_seconds == 4


@pytest.mark.parametrize(
    "refusal", [problem(422, "invalid-request"), problem(409, "conflict"), problem(500, "internal-error")]
)
def test_refusal_that_lasts_is_not_retried(refusal: httpx.Response) -> None:
    network = in_turn(refusal)
    with pytest.raises(RefusedError, match=refusal.json()["detail"]):
        submit(network)
    assert len(network.requests) == 1


@pytest.mark.parametrize("foreign", [httpx.Response(404, text="<html>"), httpx.Response(200, json={"hello": "world"})])
def test_another_service_at_the_address_is_told_from_noisesweep(foreign: httpx.Response) -> None:
    with pytest.raises(ServiceUnreachableError, match="no noisesweep service"):
        submit(in_turn(foreign))


def test_sweep_whose_removal_was_answered_and_the_answer_lost_is_removed() -> None:
    network = in_turn(READ, READ, LOST, NOT_FOUND)
    with network.service() as service:
        service.sweep(SWEEP_ID).delete()
    assert [request.method for request in network.requests] == ["GET", "GET", "DELETE", "DELETE"]


def test_removal_of_a_sweep_that_is_not_there_is_refused() -> None:
    with in_turn(READ, NOT_FOUND).service() as service, pytest.raises(RefusedError, match="not-found"):
        service.sweep(SWEEP_ID).delete()


def test_polling_ends_with_the_seconds_and_asks_for_changes_only() -> None:
    network = in_turn(READ, READ, UNCHANGED)
    with network.service() as service:
        records = list(service.sweep(SWEEP_ID).poll(within_seconds=10))
    assert network.clock.seconds == pytest.approx(10)
    assert records == [SWEEP] * (len(network.requests) - 1)
    assert "If-None-Match" not in network.requests[1].headers
    assert network.requests[2].headers["If-None-Match"] == '"1"'


def test_polling_ends_with_the_sweep() -> None:
    ended = sweep_of([run_summary(0, 1.0, RunStatus.SUCCEEDED)])
    last = httpx.Response(200, content=ended.model_dump_json(), headers={"ETag": '"2"'})
    with in_turn(READ, READ, UNCHANGED, last).service() as service:
        sweep = service.sweep(SWEEP_ID)
        assert list(sweep.poll()) == [SWEEP, SWEEP, ended]
        assert sweep.status is RunStatus.SUCCEEDED


def test_poll_waits_for_a_service_that_stops_listening() -> None:
    with in_turn(READ, READ, *[ABSENT] * 7, UNCHANGED).service() as service:
        records = service.sweep(SWEEP_ID).poll()
        assert [next(records), next(records)] == [SWEEP, SWEEP]


def test_request_that_takes_long_to_compute_has_all_the_time_for_one_attempt() -> None:
    network = in_turn(READ, httpx.Response(200, content=b"a,b"))
    with network.service(timeout=25) as service:
        assert service.sweep(SWEEP_ID).csv() == b"a,b"
    assert [request.extensions["timeout"]["read"] for request in network.requests] == [10, 25]
