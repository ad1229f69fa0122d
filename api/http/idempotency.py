"""Idempotency keys make a POST safe to repeat: one key creates one resource and gets one answer."""

import hashlib
from collections.abc import Awaitable, Callable
from datetime import timedelta

from pydantic import BaseModel
from redis.asyncio import Redis

from api.http.errors import IdempotencyKeyInUseError, IdempotencyKeyReusedError

RETENTION = timedelta(hours=24)
# A request still without an answer after this time is assumed lost with its process. The time is shorter than the half
# minute for which our client retries, so that one of its retries succeeds.
MAX_REQUEST_SECONDS = 15.0


class Answer(BaseModel):
    """Answer to a submission: the path of the new resource and its representation in JSON."""

    location: str
    body: str


class IdempotencyRecord(BaseModel):
    """Record stored under an idempotency key.

    Attributes:
        fingerprint: SHA-256 of the request that came with the key.
        sweep_id: The id of the resource. It is chosen before the resource is written.
        answer: The answer; None while the request is in progress.
        broken_off: The request ended with an error; the next request with this key takes over immediately.
    """

    fingerprint: str
    sweep_id: str
    answer: Answer | None = None
    broken_off: bool = False


class Idempotency:
    """Idempotent submissions: the id is stored before the resource, so a repeated request creates nothing twice."""

    def __init__(self, redis: Redis, redis_key: Callable[[str], str], new_id: Callable[[], str]) -> None:
        """Configure the storage.

        Args:
            redis: The Redis client.
            redis_key: Returns the Redis key of the record of an idempotency key.
            new_id: Returns a new sweep id.
        """
        self._redis = redis
        self._redis_key = redis_key
        self._new_id = new_id

    async def answer(self, key: str, request: bytes, submit: Callable[[str], Awaitable[Answer]]) -> Answer:
        """Submit a request, or return the stored answer of its key.

        Args:
            key: The idempotency key from the client.
            request: The path and content of the request. The key identifies exactly this request.
            submit: Creates the resource under a given id; does nothing if the resource exists.

        Raises:
            IdempotencyKeyReusedError: The key was already used for a different request.
            IdempotencyKeyInUseError: A request with this key is in progress.
        """
        name = self._redis_key(key)
        record = IdempotencyRecord(fingerprint=hashlib.sha256(request).hexdigest(), sweep_id=self._new_id())
        if not await self._redis.set(name, record.model_dump_json(), nx=True, ex=RETENTION):
            record = await self._existing_record(name, record)
            if record.answer:
                return record.answer
        try:
            answer = await submit(record.sweep_id)
        except Exception:
            # The resource may or may not have been written: the next request with this key completes it.
            await self._store(name, record.model_copy(update={"broken_off": True}))
            raise
        await self._store(name, record.model_copy(update={"answer": answer}))
        return answer

    async def _existing_record(self, name: str, new: IdempotencyRecord) -> IdempotencyRecord:
        """Return the stored record of a key; raise if it belongs to a different request or to one in progress."""
        text = await self._redis.get(name)
        stored = IdempotencyRecord.model_validate_json(text) if text else new  # expired between SET and GET
        if stored.fingerprint != new.fingerprint:
            raise IdempotencyKeyReusedError(
                "This Idempotency-Key was already used for a different request: use a new key."
            )
        age_seconds = RETENTION.total_seconds() - await self._redis.ttl(name)
        if text and not stored.answer and not stored.broken_off and age_seconds < MAX_REQUEST_SECONDS:
            raise IdempotencyKeyInUseError("A request with this Idempotency-Key is in progress: try again shortly.")
        return stored

    async def _store(self, name: str, record: IdempotencyRecord) -> None:
        await self._redis.set(name, record.model_dump_json(), ex=RETENTION)
