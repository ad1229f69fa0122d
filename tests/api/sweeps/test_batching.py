"""Tests that concurrent calls are batched, and that each gets its own, current result."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.sweeps.batching import BATCH_SIZE, Batcher


class Store:
    """Slow function that doubles numbers and records its batches."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []

    async def double(self, arguments: list[int]) -> list[int | Exception]:
        self.batches.append(arguments)
        await asyncio.sleep(0.001)
        return [ValueError(str(argument)) if argument < 0 else 2 * argument for argument in arguments]


@given(st.lists(st.integers(-5, 300), min_size=1, max_size=400))
def test_each_call_gets_its_own_result(arguments: list[int]) -> None:
    async def run() -> list[int | BaseException]:
        batcher = Batcher(Store().double)
        return await asyncio.gather(*map(batcher.call, arguments), return_exceptions=True)

    for argument, result in zip(arguments, asyncio.run(run()), strict=True):
        if argument < 0:
            assert isinstance(result, ValueError)
        else:
            assert result == 2 * argument


def test_call_during_a_batch_joins_the_next_batch() -> None:
    async def run() -> list[list[int]]:
        store = Store()
        batcher = Batcher(store.double)
        first = asyncio.gather(batcher.call(1), batcher.call(2), batcher.call(1))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert store.batches == [[1, 2]]
        await asyncio.gather(first, batcher.call(1), batcher.call(1))
        await batcher.call(1)
        return store.batches

    assert asyncio.run(run()) == [[1, 2], [1], [1]]


def test_batch_size_is_limited() -> None:
    async def run() -> list[list[int]]:
        store = Store()
        batcher = Batcher(store.double)
        await asyncio.gather(*(batcher.call(argument) for argument in range(BATCH_SIZE + 1)))
        return store.batches

    assert [len(batch) for batch in asyncio.run(run())] == [BATCH_SIZE, 1]


def test_error_of_a_batch_reaches_all_its_calls() -> None:
    async def run() -> None:
        async def fail(arguments: list[int]) -> list[int]:
            raise ConnectionError

        batcher = Batcher(fail)
        for _ in range(2):
            results = await asyncio.gather(batcher.call(1), batcher.call(2), return_exceptions=True)
            assert [type(result) for result in results] == [ConnectionError, ConnectionError]

    asyncio.run(run())


def test_wrong_number_of_results_raises() -> None:
    async def run() -> None:
        async def miscount(arguments: list[int]) -> list[int]:
            return [0] * (len(arguments) + 1)

        batcher = Batcher(miscount)
        for _ in range(2):
            with pytest.raises(ValueError, match="longer"):
                await asyncio.wait_for(batcher.call(1), 5)

    asyncio.run(run())


def test_cancelled_caller_does_not_cancel_others() -> None:
    async def run() -> None:
        batcher = Batcher(Store().double)
        cancelled, remaining = (asyncio.create_task(batcher.call(4)) for _ in range(2))
        failing = asyncio.create_task(batcher.call(-1))
        await asyncio.sleep(0)
        cancelled.cancel()
        failing.cancel()
        assert await remaining == 8
        with pytest.raises(asyncio.CancelledError):
            await cancelled

    asyncio.run(run())
