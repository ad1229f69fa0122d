"""Share links: tokens in place of API keys, each of which reads one sweep."""

import hmac
import json
import re
import secrets
from datetime import UTC, datetime, timedelta
from typing import cast

from pydantic import BaseModel
from redis.asyncio import Redis

from api.http.errors import InvalidKeyError
from api.keys.errors import KeyConflictError, UnknownKeyNameError
from api.keys.records import readable
from noisesweep.models import Caller, CreatedShare, Role, Share, ShareRequest, hash_api_key
from shared.errors import SweepNotFoundError
from shared.settings import Settings
from shared.store.clock import server_time_async
from shared.store.keys import SweepKeys

PREFIX = "nss_"
MAX_SHARES = 20
_TOKEN = re.compile(r"nss_([0-9a-f]{16})_[A-Za-z0-9_-]{43}")


class StoredShare(BaseModel):
    """Record of a share link in the store. Times are UTC."""

    share: Share
    sha256: str


class ShareStore:
    """Share links. The store has only the hashes of their tokens, beside the sweep.

    Every method raises redis.exceptions.RedisError if the store does not respond.
    """

    def __init__(self, redis: Redis, settings: Settings) -> None:
        self._redis, self._enabled, self._has_keys = redis, settings.shares, bool(settings.api_keys)

    async def create(self, sweep_id: str, request: ShareRequest, created_by: str) -> CreatedShare:
        """Create a share link of an existing sweep for an API key. Only this answer contains its token.

        Raises:
            KeyConflictError: The service has no keys or no share links, or the sweep has too many of them.
            SweepNotFoundError: The sweep was deleted meanwhile.
        """
        if not self._has_keys:
            raise KeyConflictError(
                "This service needs no keys, so everybody who can reach it can open the page of the sweep."
            )
        if not self._enabled:
            raise KeyConflictError("Share links are switched off on this service (NOISESWEEP_SHARES).")
        shares = await self.list_all(sweep_id)
        if len(shares) >= MAX_SHARES:
            raise KeyConflictError(f"The sweep has {MAX_SHARES} share links, and may have no more: revoke some.")
        created_at = await self._now()
        share = Share(
            id=secrets.token_hex(4),
            created_at=created_at,
            created_by=created_by or None,
            expires_at=created_at + timedelta(days=request.expires_in_days),
        )
        token = f"{PREFIX}{sweep_id}_{secrets.token_urlsafe(32)}"
        stored = StoredShare(share=share, sha256=hash_api_key(token))
        keys = SweepKeys(sweep_id)
        await self._redis.hset(keys.shares, share.id, stored.model_dump_json())
        if not await self._redis.exists(keys.record):  # deleted meanwhile
            await self._redis.delete(keys.shares)
            raise SweepNotFoundError(f'No sweep has the id "{sweep_id}".')
        return CreatedShare(**share.model_dump(), token=token, page=f"/ui/sweeps/{sweep_id}#share={token}")

    async def list_all(self, sweep_id: str) -> list[Share]:
        """Return the valid share links of a sweep, oldest first. Remove those that have expired."""
        now, key = await self._now(), SweepKeys(sweep_id).shares
        shares = [stored.share for stored in await self._stored(sweep_id)]
        if expired := [share.id for share in shares if share.expires_at <= now]:
            await self._redis.hdel(key, *expired)
        return sorted((each for each in shares if each.expires_at > now), key=lambda share: share.created_at)

    async def revoke(self, sweep_id: str, share_id: str) -> None:
        """Remove a share link. Raise UnknownKeyNameError if the sweep has none with this id."""
        if not await self._redis.hdel(SweepKeys(sweep_id).shares, share_id):
            raise UnknownKeyNameError(f'The sweep has no share link with the id "{share_id}".')

    async def find(self, token: str) -> Caller:
        """Return who presents the token of a share link: a viewer of one sweep.

        Raises:
            InvalidKeyError: The token is unknown, was revoked or has expired, or share links are switched off.
        """
        if not self._enabled:
            raise InvalidKeyError("Share links are switched off on this service.")
        match, presented = _TOKEN.fullmatch(token), hash_api_key(token)
        stored = await self._stored(match[1]) if match else []
        matching = [each.share for each in stored if hmac.compare_digest(presented, each.sha256)]
        if not match or not matching or matching[0].expires_at <= await self._now():
            raise InvalidKeyError("This link has expired or was revoked: ask the person who shared it for a new one.")
        request = await self._redis.hget(SweepKeys(match[1]).record, "request")
        return Caller(
            name=f"share:{matching[0].created_by}",  # all links of a key count as one caller for the limits of a key
            role=Role.VIEWER,
            only_sweep=match[1],
            only_dataset=json.loads(request)["dataset"] if request else None,
        )

    async def _stored(self, sweep_id: str) -> list[StoredShare]:
        records = cast("list[str]", await self._redis.hvals(SweepKeys(sweep_id).shares))
        return readable(StoredShare, records)

    async def _now(self) -> datetime:
        return datetime.fromtimestamp(await server_time_async(self._redis) / 1e6, UTC)
