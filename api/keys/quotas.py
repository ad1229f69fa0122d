"""Quotas of roles and API keys, which the functions of the store check with each admission."""

from datetime import UTC, datetime
from typing import cast

from redis.asyncio import Redis

from api.keys.errors import KeyConflictError, UnknownQuotaError
from api.keys.records import readable
from api.limits import limits_for
from noisesweep.models import Caller, Quota, QuotaLimits, QuotaList, Usage
from shared.settings import Settings
from shared.store.clock import server_time_async
from shared.store.functions import AsyncFunctions, Function
from shared.store.keys import QUOTAS

# One for each possible API key and role.
MAX_QUOTAS = 1004


class QuotaStore:
    """Quotas that instructors and administrators set while the service runs.

    Every method raises redis.exceptions.RedisError if the store does not respond.
    """

    def __init__(self, redis: Redis, settings: Settings) -> None:
        self._redis, self._settings = redis, settings
        self._functions = AsyncFunctions(redis)

    async def list_all(self) -> QuotaList:
        """Return all quotas, and the limits of keys without one."""
        stored = cast("dict[str, str]", await self._redis.hgetall(QUOTAS))
        return QuotaList(
            quotas=sorted(readable(Quota, stored.values()), key=lambda quota: quota.holder),
            service=QuotaLimits(
                max_queued_runs=self._settings.max_queued_runs_per_key,
                max_stored_bytes=self._settings.max_stored_bytes,
                max_core_seconds_per_day=self._settings.max_core_seconds_per_day,
            ),
        )

    async def set(self, holder: str, limits: QuotaLimits, set_by: str) -> Quota:
        """Set the quota of a holder in place of an earlier one.

        Raises:
            KeyConflictError: The service has no keys, or too many quotas.
        """
        if not self._settings.api_keys:
            raise KeyConflictError("This service accepts requests without keys, so that no key can have a quota.")
        if await self._redis.hlen(QUOTAS) >= MAX_QUOTAS and not await self._redis.hexists(QUOTAS, holder):
            raise KeyConflictError(f"The service has {MAX_QUOTAS:,} quotas, and may have no more: remove some.")
        set_at = datetime.fromtimestamp(await server_time_async(self._redis) / 1e6, UTC)
        quota = Quota(holder=holder, limits=limits, set_by=set_by, set_at=set_at)
        await self._redis.hset(QUOTAS, holder, quota.model_dump_json())
        return quota

    async def remove(self, holder: str) -> None:
        """Remove the quota of a holder. Raise UnknownQuotaError if it has none."""
        if not await self._redis.hdel(QUOTAS, holder):
            raise UnknownQuotaError(f"There is no quota of {holder}.")

    async def usage(self, caller: Caller) -> Usage:
        """Return what a caller uses of its limits."""
        queued, max_queued, stored, max_stored, core_ms, max_core_seconds = await self._functions.call(
            Function.USAGE, **limits_for(self._settings, caller)
        )
        return Usage(
            queued_runs=queued,
            max_queued_runs=max_queued,
            stored_bytes=int(stored),
            max_stored_bytes=int(max_stored),
            core_seconds=int(core_ms) / 1000,
            max_core_seconds_per_day=max_core_seconds,
        )
