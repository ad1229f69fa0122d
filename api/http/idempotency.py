"""Idempotency keys: a POST that is safe to repeat. One key creates one resource and gets one answer."""

import hashlib
from collections.abc import Awaitable, Callable
from datetime import timedelta

from pydantic import BaseModel
from redis.asyncio import Redis

from api.http.errors import IdempotencyKeyInUseError, IdempotencyKeyReusedError

RETENTION = timedelta(hours=24)
# A request without an answer after this time will have none: its process has ended. A client that retries for half a
# minute, as ours does, then gets through.
LONGEST_REQUEST_SECONDS = 15.0


class Answer(BaseModel):
    """The answer to a submission: where the new resource is, and its representation (JSON)."""

    location: str
    body: str


class IdempotencyRecord(BaseModel):
    """The record stored under an idempotency key.

    Attributes:
        fingerprint: SHA-256 of the request that came with the key.
        sweep_id: The id under which the resource is created, whether or not it has been written yet.
        answer: The answer; None while the request is in progress.
        broken_off: Whether the request ended with an error, so that the next one takes over at once.
    """

    fingerprint: str
    sweep_id: str
    answer: Answer | None = None
    broken_off: bool = False


class Idempotency:
    """Answers each key once. The resource's id is stored before the resource, so nothing is created twice."""

    def __init__(self, redis: Redis, name_of: Callable[[str], str], new_id: Callable[[], str]) -> None:
        """Take the store, the name of a key's record in it, and the source of new ids."""
        self._redis = redis
        self._name_of = name_of
        self._new_id = new_id

    async def answer(self, key: str, request: bytes, submit: Callable[[str], Awaitable[Answer]]) -> Answer:
        """Submit a request, or return the answer that its key got before.

        Args:
            key: The client's key.
            request: What the key stands for: the path and the content of the request.
            submit: Creates the resource under a given id; changes nothing if it exists.

        Raises:
            IdempotencyKeyReusedError: The key came with another request before.
            IdempotencyKeyInUseError: A request with this key is in progress.
        """
        name = self._name_of(key)
        record = IdempotencyRecord(fingerprint=hashlib.sha256(request).hexdigest(), sweep_id=self._new_id())
        if not await self._redis.set(name, record.model_dump_json(), nx=True, ex=RETENTION):
            record = await self._known(name, record)
            if record.answer:
                return record.answer
        try:
            answer = await submit(record.sweep_id)
        except Exception:
            # It may be unknown whether the resource was written: the next request with the key finishes it.
            await self._store(name, record.model_copy(update={"broken_off": True}))
            raise
        await self._store(name, record.model_copy(update={"answer": answer}))
        return answer

    async def _known(self, name: str, ours: IdempotencyRecord) -> IdempotencyRecord:
        """Return the record of a key that was used before; raise if it cannot be answered now."""
        text = await self._redis.get(name)
        known = IdempotencyRecord.model_validate_json(text) if text else ours  # expired between SET and GET
        if known.fingerprint != ours.fingerprint:
            raise IdempotencyKeyReusedError("This Idempotency-Key came with another request before: choose a new one.")
        age_seconds = RETENTION.total_seconds() - await self._redis.ttl(name)
        if text and not known.answer and not known.broken_off and age_seconds < LONGEST_REQUEST_SECONDS:
            raise IdempotencyKeyInUseError("A request with this Idempotency-Key is being answered: try again shortly.")
        return known

    async def _store(self, name: str, record: IdempotencyRecord) -> None:
        await self._redis.set(name, record.model_dump_json(), ex=RETENTION)
