"""Questions answered together: each right, none twice, none by an answer that is older than itself."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.sweeps.batching import BATCH_SIZE, Batching


class Store:
    """Answers a number with its double, slowly, and remembers what it was asked together."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []

    async def double(self, questions: list[int]) -> list[int | Exception]:
        self.batches.append(questions)
        await asyncio.sleep(0.001)
        return [ValueError(str(question)) if question < 0 else 2 * question for question in questions]


@given(st.lists(st.integers(-5, 300), min_size=1, max_size=400))
def test_everybody_gets_their_own_answer(questions: list[int]) -> None:
    async def ask() -> list[int | BaseException]:
        batched = Batching(Store().double)
        return await asyncio.gather(*map(batched.ask, questions), return_exceptions=True)

    for question, answer in zip(questions, asyncio.run(ask()), strict=True):
        if question < 0:
            assert isinstance(answer, ValueError)
        else:
            assert answer == 2 * question


def test_who_asks_while_an_answer_is_on_its_way_waits_for_the_next() -> None:
    async def ask() -> list[list[int]]:
        store = Store()
        batched = Batching(store.double)
        first = asyncio.gather(batched.ask(1), batched.ask(2), batched.ask(1))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert store.batches == [[1, 2]]
        await asyncio.gather(first, batched.ask(1), batched.ask(1))
        await batched.ask(1)
        return store.batches

    assert asyncio.run(ask()) == [[1, 2], [1], [1]]


def test_a_batch_has_an_end() -> None:
    async def ask() -> list[list[int]]:
        store = Store()
        batched = Batching(store.double)
        await asyncio.gather(*(batched.ask(question) for question in range(BATCH_SIZE + 1)))
        return store.batches

    assert [len(batch) for batch in asyncio.run(ask())] == [BATCH_SIZE, 1]


def test_what_the_whole_batch_meets_is_told_to_all_and_the_next_is_answered() -> None:
    async def ask() -> None:
        async def fail(questions: list[int]) -> list[int]:
            raise ConnectionError

        batched = Batching(fail)
        for _ in range(2):
            answers = await asyncio.gather(batched.ask(1), batched.ask(2), return_exceptions=True)
            assert [type(answer) for answer in answers] == [ConnectionError, ConnectionError]

    asyncio.run(ask())


def test_answers_that_are_too_few_or_too_many_are_an_error_and_not_a_wait_without_end() -> None:
    async def ask() -> None:
        async def miscount(questions: list[int]) -> list[int]:
            return [0] * (len(questions) + 1)

        batched = Batching(miscount)
        for _ in range(2):
            with pytest.raises(ValueError, match="longer"):
                await asyncio.wait_for(batched.ask(1), 5)

    asyncio.run(ask())


def test_who_leaves_takes_nobodys_answer_along() -> None:
    async def ask() -> None:
        batched = Batching(Store().double)
        leaving, staying = (asyncio.create_task(batched.ask(4)) for _ in range(2))
        failing = asyncio.create_task(batched.ask(-1))
        await asyncio.sleep(0)
        leaving.cancel()
        failing.cancel()
        assert await staying == 8
        with pytest.raises(asyncio.CancelledError):
            await leaving

    asyncio.run(ask())
