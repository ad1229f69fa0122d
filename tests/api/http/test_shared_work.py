"""Shared work: of equal requests, one does the work."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.http.shared_work import MAX_BYTES, MAX_RESULTS, SharedWork


class Worker:
    """Work that takes some turns of the event loop.

    Attributes:
        started: Keys whose work has started.
        finished: Keys whose work has finished.
    """

    def __init__(self, size: int | None = None, error: Exception | None = None) -> None:
        self.started: list[str] = []
        self.finished: list[str] = []
        self.shared = SharedWork()
        self._size, self._error = size, error

    async def result(self, key: str) -> bytes:
        async def work() -> bytes:
            self.started.append(key)
            await asyncio.sleep(0)
            if self._error:
                raise self._error
            self.finished.append(key)
            return key.encode() if self._size is None else bytes(self._size)

        return await self.shared.result(key, work)


def test_equal_requests_share_the_work() -> None:
    async def run(worker: Worker) -> None:
        for _ in range(2):  # the second time, the results are known
            assert await asyncio.gather(*map(worker.result, "aabab")) == [b"a", b"a", b"b", b"a", b"b"]

    worker = Worker()
    asyncio.run(run(worker))
    assert worker.started == ["a", "b"]


def test_errors_reach_all_requests_and_are_not_kept() -> None:
    async def run(worker: Worker) -> None:
        for _ in range(2):
            results = await asyncio.gather(*map(worker.result, "aa"), return_exceptions=True)
            assert [type(result) for result in results] == [ValueError] * 2

    worker = Worker(error=ValueError())
    asyncio.run(run(worker))
    assert worker.started == ["a", "a"]


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 3)), max_size=12))
def test_work_ends_when_no_request_waits_for_it(requests: list[tuple[str, int]]) -> None:
    async def run(worker: Worker) -> None:
        tasks = [asyncio.create_task(worker.result(key)) for key, _ in requests]
        for step in range(3):
            await asyncio.sleep(0)
            for task, (_, cancelled_at) in zip(tasks, requests, strict=True):
                if cancelled_at == step:
                    task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        for result, (key, cancelled_at) in zip(results, requests, strict=True):
            if cancelled_at == 3:
                assert result == key.encode()
        for key in "ab":
            if requests and all(cancelled_at == 0 for other, cancelled_at in requests if other == key):
                assert key not in worker.finished
        assert await worker.result("a") == b"a"
        assert await worker.result("b") == b"b"

    asyncio.run(run(Worker()))


@pytest.mark.parametrize(("size", "kept"), [(1, MAX_RESULTS), (MAX_BYTES // 4, 4), (MAX_BYTES + 1, 0)])
def test_number_and_bytes_of_results_are_limited(size: int, kept: int) -> None:
    async def run(worker: Worker) -> None:
        keys = [str(number) for number in range(MAX_RESULTS + 1)]
        for key in keys:
            await worker.result(key)
        worker.started.clear()
        for key in keys[len(keys) - kept :]:
            await worker.result(key)
        assert worker.started == []
        await worker.result(keys[-kept - 1])
        assert worker.started == [keys[-kept - 1]]

    asyncio.run(run(Worker(size)))


def test_many_viewers_of_one_picture_need_one_drawing(http: httpx.Client) -> None:
    plot = http.post("/sweeps", json={"scales": [0.5], "dataset": "digits"}).json()["links"]["plot"]
    with ThreadPoolExecutor(60) as threads:
        answers = list(threads.map(lambda _: http.get(plot), range(120)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
