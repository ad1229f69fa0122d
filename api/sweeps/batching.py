"""Batching: questions that arrive while an answer is on its way go to Redis together, in the next round trip."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from contextvars import Context
from typing import Generic, TypeVar

Question = TypeVar("Question", bound=Hashable)
Answer = TypeVar("Answer")

# Further questions go in the next trip, so that none waits long for the others.
BATCH_SIZE = 128


class Batching(Generic[Question, Answer]):
    """Answers questions of one kind in batches, one batch at a time.

    Equal questions of a batch are answered once. No answer was read before its question was asked, so a client reads
    its own writes.
    """

    def __init__(self, answer: Callable[[list[Question]], Awaitable[Sequence[Answer | Exception]]]) -> None:
        """Take a function that answers a batch: an answer or an exception for each question, in order."""
        self._answer = answer
        self._waiting: dict[Question, asyncio.Future[Answer]] = {}
        self._answering: asyncio.Task[None] | None = None

    async def ask(self, question: Question) -> Answer:
        """Return the answer; raise the question's exception, or that of the whole batch."""
        if question not in self._waiting:
            future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
            future.add_done_callback(_retrieve_exception)
            self._waiting[question] = future
            # In an empty context: it belongs to no single request.
            self._answering = self._answering or asyncio.create_task(self._answer_all(), context=Context())
        # Shielded, because others may wait for the same answer.
        return await asyncio.shield(self._waiting[question])

    async def _answer_all(self) -> None:
        try:
            while self._waiting:
                questions = list(self._waiting)[:BATCH_SIZE]
                futures = [self._waiting.pop(question) for question in questions]
                try:
                    answered = list(zip(futures, await self._answer(questions), strict=True))
                except Exception as error:  # noqa: BLE001 - every request of the batch raises it
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


def _retrieve_exception(future: asyncio.Future[Answer]) -> None:
    """Retrieve the exception, because asyncio warns of exceptions that nobody retrieved."""
    if not future.cancelled():
        future.exception()
