"""Many requests, one trip to Redis: what is asked while an answer is on its way goes next, all of it together."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from contextvars import Context
from typing import Generic, TypeVar

Question = TypeVar("Question", bound=Hashable)
Answer = TypeVar("Answer")

# More go in the trip after, so that none waits long for the others.
AT_ONCE = 128


class Batched(Generic[Question, Answer]):
    """Answers questions of one kind in batches, one batch at a time.

    Equal questions of a batch are answered once. Nobody gets an answer that was sought before they asked: who has
    written something reads it.
    """

    def __init__(self, answer: Callable[[list[Question]], Awaitable[Sequence[Answer | Exception]]]) -> None:
        """Take what answers a batch: an answer or an exception for each question, in order."""
        self._answer = answer
        self._waiting: dict[Question, asyncio.Future[Answer]] = {}
        self._answering: asyncio.Task[None] | None = None

    async def ask(self, question: Question) -> Answer:
        """The answer; raise the exception that stands for it, or that the whole batch met."""
        if question not in self._waiting:
            future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
            future.add_done_callback(_look_at)
            self._waiting[question] = future
            # In a context of its own: it is no one request's doing.
            self._answering = self._answering or asyncio.create_task(self._answer_all(), context=Context())
        # Shielded, because others may wait for the same answer.
        return await asyncio.shield(self._waiting[question])

    async def _answer_all(self) -> None:
        try:
            while self._waiting:
                questions = list(self._waiting)[:AT_ONCE]
                futures = [self._waiting.pop(question) for question in questions]
                try:
                    answered = list(zip(futures, await self._answer(questions), strict=True))
                except Exception as error:  # noqa: BLE001 - whatever it is, it is told to who asked
                    answered = [(future, error) for future in futures]
                except asyncio.CancelledError:
                    for future in futures:
                        future.cancel()
                    raise
                for future, answer in answered:
                    if isinstance(answer, Exception):
                        future.set_exception(answer)
                    else:
                        future.set_result(answer)
        finally:
            self._answering = None


def _look_at(future: asyncio.Future[Answer]) -> None:
    """Take note of the exception where nobody waits for the answer any more, or asyncio complains that none did."""
    if not future.cancelled():
        future.exception()
