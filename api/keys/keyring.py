"""Keyring: finds the API key of a request, among those in the settings and those in the store."""

import asyncio
import hmac
import time
from collections.abc import Mapping
from contextlib import suppress
from contextvars import Context
from datetime import UTC, datetime
from typing import cast

from pydantic import AwareDatetime, BaseModel
from redis.asyncio import Redis
from redis.exceptions import RedisError

from api.http.errors import InvalidKeyError
from api.keys.records import readable
from noisesweep.models import Caller, KeyName, Role, hash_api_key
from shared.settings import Settings
from shared.store.keys import API_KEY_USES, API_KEYS

# A key that was revoked by another process stops after this time.
REFRESH_SECONDS = 1.0
# The last use of a key is recorded at most once in this time.
USE_SECONDS = 60


class StoredKey(BaseModel):
    """Record of an API key in the store. Times are UTC."""

    name: KeyName
    role: Role
    sha256: str
    prefix: str
    created_at: AwareDatetime
    created_by: str
    expires_at: AwareDatetime | None


class Keyring:
    """API keys that the service accepts. Keys in the settings precede keys of the same name in the store."""

    def __init__(self, redis: Redis, settings: Settings) -> None:
        self.configured = settings.api_keys
        self._redis = redis
        self._raw: Mapping[str, str] = {}
        self._stored: dict[str, StoredKey] = {}
        self._read_at = float("-inf")
        self._reading: asyncio.Task[None] | None = None
        self._is_outdated = False  # whether this process has changed the store since the last read began
        self._uses: dict[str, float] = {}

    async def find(self, key: str) -> Caller:
        """Return who presents a key, and record its use.

        Raises:
            InvalidKeyError: The key is unknown, was revoked or has expired.
            redis.exceptions.RedisError: The store does not respond, and the key is not in the settings.
        """
        presented = hash_api_key(key)
        # Constant-time comparison with every key: the response time reveals nothing about any of them.
        callers = [
            Caller(name=name, role=known.role)
            for name, known in self.configured.items()
            if hmac.compare_digest(presented, known.sha256)
        ]
        if not callers:
            matching = [
                known for known in (await self.stored()).values() if hmac.compare_digest(presented, known.sha256)
            ]
            for known in matching:
                if known.expires_at and known.expires_at <= datetime.now(UTC):
                    raise InvalidKeyError("This API key has expired: ask the operator of this service for a new one.")
                callers.append(Caller(name=known.name, role=known.role))
        if not callers:
            raise InvalidKeyError("Unknown API key: ask the operator of this service for a valid one.")
        await self._record_use(callers[0].name)
        return callers[0]

    async def stored(self) -> Mapping[str, StoredKey]:
        """Return the keys in the store by name, as they were at most REFRESH_SECONDS ago."""
        while time.monotonic() - self._read_at > REFRESH_SECONDS:
            # Concurrent requests share one read and its error, so that none waits for the timeouts of the others.
            if self._reading is None:
                self._reading = asyncio.create_task(self._read(), context=Context())
                self._reading.add_done_callback(lambda read: read.cancelled() or read.exception())
            await asyncio.shield(self._reading)
        return self._stored

    async def _read(self) -> None:
        self._is_outdated = False
        try:
            raw = cast("dict[str, str]", await self._redis.hgetall(API_KEYS))
        finally:
            self._reading = None
        if raw != self._raw:
            keys = readable(StoredKey, raw.values())
            self._stored = {key.name: key for key in keys if key.name not in self.configured}
            self._raw, self._uses = raw, {}
        if not self._is_outdated:
            self._read_at = time.monotonic()

    def forget(self) -> None:
        """Read the store again at the next request, because this process has changed it."""
        self._read_at, self._is_outdated = float("-inf"), True

    async def _record_use(self, name: str) -> None:
        now = time.time()
        if now - self._uses.get(name, 0) < USE_SECONDS:
            return
        self._uses[name] = now
        with suppress(RedisError):  # a use that is not recorded must not fail the request
            await self._redis.hset(API_KEY_USES, name, str(int(now)))
