"""How often, how soon and how long a request is sent again, without sockets and without waiting."""

import inspect
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import httpx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.http.idempotency import LONGEST_REQUEST_SECONDS
from noisesweep.client.errors import RefusedError, ServiceUnreachableError, WrongUsageError
from noisesweep.client.flow import LONGEST_PAUSE_SECONDS, Flow, Item, ItemFlow, Pause, Request
from noisesweep.client.operations import Operations
from noisesweep.client.service import NoiseSweep
from noisesweep.models import RunStatus, Sweep
from tests.support.records import SWEEP_ID, run_summary, sweep_of

Given = TypeVar("Given")
Result = TypeVar("Result")

SENT = httpx.Request("POST", "http://127.0.0.1:8000/sweeps")
LOST = httpx.ReadError("the connection was cut", request=SENT)
SILENT = httpx.ReadTimeout("", request=SENT)
ABSENT = httpx.ConnectError("[Errno 111] Connection refused", request=SENT)


def problem(status: int, slug: str, **headers: str) -> httpx.Response:
    document = {"type": f"/problems/{slug}", "title": "", "status": status, "detail": slug, "instance": "/sweeps"}
    return httpx.Response(
        status, json=document, headers={k.replace("_", "-"): v for k, v in headers.items()}, request=SENT
    )


SWEEP = sweep_of([run_summary(0, 1.0, RunStatus.QUEUED)])
ACCEPTED = httpx.Response(202, content=SWEEP.model_dump_json(), request=SENT)
BUSY = problem(429, "queue-full", Retry_After="4")
AWAY = problem(503, "store-unavailable", Retry_After="2")
IN_USE = problem(409, "idempotency-key-in-use")
GATEWAY = httpx.Response(504, text="<h1>Gateway Time-out</h1>", request=SENT)


@dataclass
class Network:
    """Answers requests with what it is told to, one after the other and the last for ever, in a time of its own."""

    outcomes: Sequence[httpx.Response | httpx.TransportError]
    seconds: float = 0.0
    requests: list[Request] = field(default_factory=list)

    def run(self, flow: Flow[Result]) -> Result:
        outcome: object = None
        while True:
            try:
                step = flow.throw(outcome) if isinstance(outcome, Exception) else flow.send(outcome)
            except StopIteration as end:
                result: Result = end.value
                return result
            if isinstance(step, Pause):
                self.seconds += step.seconds
                outcome = None
            else:
                assert isinstance(step, Request)
                outcome = self.outcomes[min(len(self.requests), len(self.outcomes) - 1)]
                self.requests.append(step)
                self.seconds += step.timeout_seconds if outcome is SILENT else 0

    def submit(self, seconds: float = 30.0) -> Sweep:
        return self.run(Operations(seconds, lambda: self.seconds).submit({"scales": [1]}))


def items(network: Network, flow: ItemFlow[Given]) -> list[Given]:
    """The items of a flow, as a flow that has them as its result."""

    def collected() -> Flow[list[Given]]:
        found: list[Given] = []
        outcome: object = None
        while True:
            try:
                step = flow.send(outcome)
            except StopIteration:
                return found
            outcome = None
            if isinstance(step, Item):
                found.append(step.value)
            else:
                outcome = yield step

    return network.run(collected())


@pytest.mark.parametrize("failure", [LOST, SILENT, AWAY, BUSY, IN_USE, GATEWAY])
def test_a_submission_without_an_answer_is_sent_again_and_is_the_same(
    failure: httpx.Response | httpx.TransportError,
) -> None:
    network = Network([failure, failure, ACCEPTED])
    assert network.submit().id == SWEEP_ID
    first, *others = network.requests
    assert len(others) == 2
    for other in others:
        assert (other.headers, other.body) == (first.headers, first.body)
    assert first.headers["Idempotency-Key"]


def test_a_submission_that_died_with_its_api_is_let_through_before_the_client_gives_up() -> None:
    """Until then the service says that it is being answered."""
    default = inspect.signature(NoiseSweep).parameters["timeout"].default
    assert default > LONGEST_REQUEST_SECONDS + LONGEST_PAUSE_SECONDS


def test_what_cannot_be_sent_is_not_sent_again_and_not_shown() -> None:
    network = Network([httpx.LocalProtocolError("Illegal header value b'Bearer secret'", request=SENT), ACCEPTED])
    with pytest.raises(WrongUsageError) as refused:
        network.submit()
    assert len(network.requests) == 1
    assert "secret" not in str(refused.value)


def test_two_submissions_have_two_keys() -> None:
    network = Network([ACCEPTED])
    network.submit()
    network.submit()
    assert len({request.headers["Idempotency-Key"] for request in network.requests}) == 2


@given(
    st.lists(st.sampled_from([LOST, SILENT, AWAY, BUSY, IN_USE, ABSENT]), min_size=1, max_size=6), st.floats(0.1, 60)
)
def test_no_request_takes_longer_than_it_may(
    outcomes: list[httpx.Response | httpx.TransportError], seconds: float
) -> None:
    network = Network(outcomes)
    with pytest.raises((ServiceUnreachableError, RefusedError)):
        network.submit(seconds)
    assert network.seconds <= seconds + 0.1  # the last attempt has a tenth of a second in any case


def test_a_service_that_does_not_listen_is_given_up_soon_and_named() -> None:
    network = Network([ABSENT])
    with pytest.raises(
        ServiceUnreachableError, match=r"127.0.0.1:8000 does not answer \(Connection refused\)"
    ) as raised:
        network.submit()
    assert network.seconds < 2.5
    assert "noisesweep up" in str(raised.value)


def test_once_something_was_sent_a_service_that_stops_listening_is_waited_for() -> None:
    network = Network([LOST, *[ABSENT] * 7, ACCEPTED])
    assert network.submit().id == SWEEP_ID
    assert network.seconds > 5


def test_the_service_says_how_long_to_wait() -> None:
    network = Network([BUSY, ACCEPTED])
    network.submit()
    assert 4 <= network.seconds < 5


def test_a_wait_that_is_too_long_is_not_begun() -> None:
    network = Network([BUSY])
    with pytest.raises(RefusedError) as refused:
        network.submit(seconds=3)
    assert network.seconds == 0
    assert refused.value.retry_after_seconds == 4


@pytest.mark.parametrize(
    "refusal", [problem(422, "invalid-request"), problem(409, "conflict"), problem(500, "internal-error")]
)
def test_what_will_not_pass_is_not_asked_again(refusal: httpx.Response) -> None:
    network = Network([refusal])
    with pytest.raises(RefusedError, match=refusal.json()["detail"]):
        network.submit()
    assert len(network.requests) == 1


@pytest.mark.parametrize(
    "foreign",
    [httpx.Response(404, text="<html>", request=SENT), httpx.Response(200, json={"hello": "world"}, request=SENT)],
)
def test_another_service_at_the_address_is_told_from_noisesweep(foreign: httpx.Response) -> None:
    with pytest.raises(ServiceUnreachableError, match="no noisesweep service"):
        Network([foreign]).submit()


def test_a_sweep_whose_removal_was_answered_and_the_answer_lost_is_removed() -> None:
    read = httpx.Response(200, content=SWEEP.model_dump_json(), request=SENT)
    network = Network([read, LOST, problem(404, "not-found")])
    network.run(Operations(30.0, lambda: network.seconds).delete(SWEEP_ID))
    with pytest.raises(RefusedError):
        Network([problem(404, "not-found")]).run(Operations(30.0, lambda: 0.0).delete(SWEEP_ID))


def test_looks_end_with_the_sweep_or_with_the_seconds() -> None:
    network = Network(
        [
            httpx.Response(200, content=SWEEP.model_dump_json(), headers={"ETag": '"1"'}, request=SENT),
            httpx.Response(304, request=SENT),
        ]
    )
    flow = Operations(30.0, lambda: network.seconds).looks(SWEEP_ID, within_seconds=10)
    looks = items(network, flow)
    assert network.seconds == pytest.approx(10)
    assert all(look == SWEEP for look in looks)
    assert network.requests[1].headers == {"If-None-Match": '"1"'}


def test_numbers_of_numpy_and_any_iterable_are_taken() -> None:
    network = Network([ACCEPTED])
    fields = {"scales": np.linspace(0, 1, 3, dtype=np.float32), "seeds": range(2), "hidden_units": np.array([8])}
    fields |= {"epochs": np.int64(2), "dropout": np.float32(0.5)}
    network.run(Operations(30.0, lambda: 0.0).submit(fields))
    body = network.requests[0].body
    assert body
    lists = {"scales": [0.0, 0.5, 1.0], "seeds": [0, 1], "hidden_units": [8]}
    assert json.loads(body) == lists | {"epochs": 2, "dropout": 0.5}


def test_what_is_no_whole_number_is_left_for_the_service_to_judge() -> None:
    network = Network([ACCEPTED])
    network.run(Operations(30.0, lambda: 0.0).submit({"scales": [1], "seeds": [1.7]}))
    assert json.loads(network.requests[0].body or b"")["seeds"] == [1.7]


@pytest.mark.parametrize("fields", [{"scales": [float("nan")]}, {"scales": "12"}, {"scales": 1}, {"name": b"x"}])
def test_what_json_cannot_say_is_not_sent(fields: dict[str, object]) -> None:
    network = Network([ACCEPTED])
    with pytest.raises(WrongUsageError, match="Received"):
        network.run(Operations(30.0, lambda: 0.0).submit(fields))
    assert not network.requests
