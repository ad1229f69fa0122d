"""Turns at expensive work, and requests for pictures that wait for them."""

import asyncio
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import closing

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis import Redis

from api.http.errors import TooBusyError
from api.http.turns import Turns
from api.limits import Limits
from api.plots.picture import drawing_thread
from shared.settings import Settings
from tests.support.api import ApiThread
from tests.support.keys import configured
from tests.support.training import Training
from tests.support.waiting import wait_until

ALICE, BOB = {"Authorization": "Bearer ns_alice"}, {"Authorization": "Bearer ns_bob"}


def test_waiting_keys_alternate() -> None:
    async def run() -> list[str]:
        turns, served = Turns(1, 10, 10), list[str]()

        async def work(key: str) -> None:
            async with turns.turn(key):
                served.append(key)
                await asyncio.sleep(0)

        await asyncio.gather(*map(work, ["a", "a", "a", "a", "b", "c", "b"]))
        return served

    assert asyncio.run(run()) == ["a", "a", "b", "c", "a", "b", "a"]


def test_further_requests_are_rejected_by_key_and_in_all() -> None:
    async def run() -> list[type[object]]:
        turns = Turns(1, 3, 2)

        async def work(key: str) -> None:
            async with turns.turn(key):
                await asyncio.sleep(0)

        for _ in range(2):  # the second time, all turns are free again
            results = await asyncio.gather(*map(work, "aaaabb"), return_exceptions=True)
        return [type(result) for result in results]

    assert asyncio.run(run()) == [type(None)] * 3 + [TooBusyError, type(None), TooBusyError]


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 3)), max_size=20), st.integers(1, 3))
def test_cancelled_requests_lose_no_turns(requests: list[tuple[str, int]], at_once: int) -> None:
    async def run() -> None:
        turns, active, served = Turns(at_once, 100, 100), 0, 0

        async def work(key: str) -> None:
            nonlocal active, served
            async with turns.turn(key):
                active += 1
                assert active <= at_once
                try:
                    await asyncio.sleep(0)
                finally:
                    active -= 1
                served += 1

        tasks = [asyncio.create_task(work(key)) for key, _ in requests]
        for step in range(3):
            await asyncio.sleep(0)
            for task, (_, cancelled_at) in zip(tasks, requests, strict=True):
                if cancelled_at == step:
                    task.cancel()
        await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 10)
        assert served >= sum(cancelled_at == 3 for _, cancelled_at in requests)
        before = served
        await asyncio.wait_for(asyncio.gather(*(work("c") for _ in range(2 * at_once))), 10)
        assert served == before + 2 * at_once

    asyncio.run(run())


@pytest.fixture
def drawing_released() -> Iterator[threading.Event]:
    """Keep the drawing thread busy until the event is set."""
    released = threading.Event()
    blocked = drawing_thread.submit(released.wait)
    yield released
    released.set()
    blocked.result()


@pytest.mark.parametrize("path", ["/noise/plot?dataset=digits&seed={}", "/noise/samples?dataset=digits&seed={}"])
def test_abandoned_requests_are_not_worked_on(
    http: httpx.Client,
    drawing_released: threading.Event,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
) -> None:
    caplog.set_level(logging.INFO)
    worked_on: list[object] = []

    def submit(work: Callable[..., bytes], *arguments: object) -> Future[bytes]:
        def note_and_work() -> bytes:
            worked_on.append(work)
            return work(*arguments)

        return ThreadPoolExecutor.submit(drawing_thread, note_and_work)

    monkeypatch.setattr(drawing_thread, "submit", submit)
    address = (http.base_url.host, http.base_url.port or 0)
    for seed in range(4):
        with socket.create_connection(address) as client:
            client.sendall(f"GET {path.format(seed)} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    wait_until(lambda: caplog.text.count(": 499 in ") == 4)
    with ThreadPoolExecutor(1) as thread:
        answer = thread.submit(http.get, path.format(4))
        drawing_released.set()
        assert answer.result().status_code == 200
    assert len(worked_on) == 1


def test_key_with_many_waiting_requests_gets_503(settings: Settings, drawing_released: threading.Event) -> None:
    keys = configured("alice", "bob")
    limits = Limits(pictures_waiting=10, pictures_waiting_per_key=2)
    served = ApiThread(settings.model_copy(update={"api_keys": keys}), limits)
    with closing(served), ThreadPoolExecutor(8) as threads:
        plot = str(served.http.post("/sweeps", json={"scales": [0.5]}, headers=ALICE).json()["links"]["plot"])

        def ask(key: dict[str, str], seed: int) -> Future[httpx.Response]:
            return threads.submit(served.http.get, plot, params={"width": 3 + seed / 10}, headers=key)

        asked = [ask(ALICE, seed) for seed in range(6)]  # one has a turn, two wait
        refused = [answer.result() for _, answer in zip(range(3), as_completed(asked), strict=False)]
        for answer in refused:
            assert (answer.status_code, answer.json()["type"]) == (503, "/problems/too-busy")
            assert int(answer.headers["Retry-After"]) > 0
        data = served.http.get(plot, params={"format": "json"}, headers=ALICE)
        assert data.status_code == 200  # data does not wait for pictures
        of_other_key = ask(BOB, 7)
        drawing_released.set()
        assert of_other_key.result().status_code == 200
        assert sorted(answer.result().status_code for answer in asked) == [200] * 3 + [503] * 3


def test_waiting_requests_have_read_no_measurements(
    http: httpx.Client, redis: Redis, training: Training, drawing_released: threading.Event
) -> None:
    sweeps = [http.post("/sweeps", json={"scales": [0.5], "dataset": "digits"}).json()["links"] for _ in range(4)]
    for links in sweeps:
        training.epochs(links["self"], runs=1, epochs=3, end=True)
    redis.config_resetstat()

    def calls(command: str) -> int:
        return int(redis.info("commandstats").get(f"cmdstat_{command}", {"calls": 0})["calls"])

    with ThreadPoolExecutor(4) as threads:
        query = {"kind": "epochs", "format": "svg"}
        asked = [threads.submit(http.get, links["plot"], params=query) for links in sweeps]
        wait_until(lambda: calls("hgetall") >= 8 and calls("lrange") > 0)  # the records of the sweeps and runs
        assert calls("lrange") == 1  # of the request that has a turn
        drawing_released.set()
        assert [answer.result().status_code for answer in asked] == [200] * 4
    assert calls("lrange") == 4
