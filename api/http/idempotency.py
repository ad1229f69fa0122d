"""POSTs that are safe to repeat: an Idempotency-Key gets one sweep and one answer, however often that is lost."""

import hashlib
from collections.abc import Awaitable, Callable
from datetime import timedelta

from pydantic import BaseModel
from redis.asyncio import Redis

from shared.errors import IdempotencyKeyInUseError, IdempotencyKeyReusedError
from shared.store.keys import idempotency, new_sweep_id

KEPT = timedelta(hours=24)
# A request without an answer after so long will have none: its process has ended. Clients that try again for half a
# minute, as ours does, are then let through.
LONGEST_REQUEST_SECONDS = 15.0


class Answer(BaseModel):
    """What a submission is answered with."""

    sweep_id: str
    location: str
    body: str


class Remembered(BaseModel):
    """What is known of a key.

    Attributes:
        fingerprint: SHA-256 of the request that came with it.
        sweep_id: The sweep that it stands for, whether or not it has been written.
        answer: What was answered; None until then.
        broken_off: Whether answering ended with an error, so that the next request takes it up at once.
    """

    fingerprint: str
    sweep_id: str
    answer: Answer | None = None
    broken_off: bool = False


class Idempotency:
    """Answers each key once. The sweep's id is remembered before the sweep is written, so nothing is written twice."""

    def __init__(self, redis: Redis, client: str) -> None:
        """Take the store, and the name of the API key whose holder asks: one client's keys are no other's."""
        self._redis = redis
        self._client = client

    async def answer(self, key: str, request: bytes, submit: Callable[[str], Awaitable[Answer]]) -> Answer:
        """Submit a request, or give the answer that was given for its key before.

        Args:
            key: What the client sent.
            request: What the key stands for: where the request goes and all it says.
            submit: Submits under a given sweep id, and changes nothing where there is such a sweep.

        Raises:
            IdempotencyKeyReusedError: The key came with another request before.
            IdempotencyKeyInUseError: A request with this key is being answered.
        """
        ours = Remembered(fingerprint=hashlib.sha256(request).hexdigest(), sweep_id=new_sweep_id())
        if not await self._redis.set(idempotency(self._client, key), ours.model_dump_json(), nx=True, ex=KEPT):
            ours = await self._known(key, ours)
            if ours.answer:
                return ours.answer
        try:
            answer = await submit(ours.sweep_id)
        except Exception:
            # Whether the sweep was written may be unknown: the next request with the key finishes it, under its id.
            await self._remember(key, ours.model_copy(update={"broken_off": True}))
            raise
        await self._remember(key, ours.model_copy(update={"answer": answer}))
        return answer

    async def _known(self, key: str, ours: Remembered) -> Remembered:
        """What was remembered of the key before; raise if it cannot be answered now."""
        text = await self._redis.get(idempotency(self._client, key))
        known = Remembered.model_validate_json(text) if text else ours  # its day ended just now
        if known.fingerprint != ours.fingerprint:
            raise IdempotencyKeyReusedError("This Idempotency-Key came with another request before: choose a new one.")
        age_seconds = KEPT.total_seconds() - await self._redis.ttl(idempotency(self._client, key))
        if text and not known.answer and not known.broken_off and age_seconds < LONGEST_REQUEST_SECONDS:
            raise IdempotencyKeyInUseError("A request with this Idempotency-Key is being answered: try again shortly.")
        return known

    async def _remember(self, key: str, what: Remembered) -> None:
        await self._redis.set(idempotency(self._client, key), what.model_dump_json(), ex=KEPT)
