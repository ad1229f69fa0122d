"""Operations on the API keys in the store: list, create and revoke."""

import secrets
from datetime import UTC, datetime
from typing import cast

from redis.asyncio import Redis

from api.keys.errors import KeyConflictError, UnknownKeyNameError
from api.keys.keyring import Keyring, StoredKey
from noisesweep.models import ApiKey, CreatedKey, KeyList, KeyRequest, hash_api_key
from shared.store.clock import server_time_async
from shared.store.keys import API_KEY_USES, API_KEYS

# Each request without a key in the settings compares its key with all of them.
MAX_KEYS = 1000
PREFIX_CHARACTERS = 8


class KeyStore:
    """API keys that administrators create and revoke while the service runs. The store has only their hashes.

    Every method raises redis.exceptions.RedisError if the store does not respond.
    """

    def __init__(self, redis: Redis, keyring: Keyring) -> None:
        self._redis, self._keyring = redis, keyring

    async def list_all(self) -> KeyList:
        """Return all keys by name, with those in the settings."""
        uses = cast("dict[str, str]", await self._redis.hgetall(API_KEY_USES))
        last_used = {name: datetime.fromtimestamp(int(seconds), UTC) for name, seconds in uses.items()}
        keys = [
            *(_configured(name, known.role) for name, known in self._keyring.configured.items()),
            *map(_without_hash, (await self._keyring.stored()).values()),
        ]
        keys = [key.model_copy(update={"last_used_at": last_used.get(key.name)}) for key in keys]
        return KeyList(keys=sorted(keys, key=lambda key: key.name))

    async def create(self, request: KeyRequest, created_by: str) -> CreatedKey:
        """Create a key for the key of an administrator. Only this answer contains it.

        Raises:
            KeyConflictError: The name is taken, there are too many keys, or the service has no keys.
        """
        if not self._keyring.configured:
            raise KeyConflictError(
                "This service accepts requests without keys. Set NOISESWEEP_API_KEYS to the key of an administrator "
                "first: `noisesweep key NAME --role admin` creates one."
            )
        if request.name in self._keyring.configured:
            raise KeyConflictError(f"NOISESWEEP_API_KEYS has a key of {request.name}: choose another name.")
        if await self._redis.hlen(API_KEYS) >= MAX_KEYS:
            raise KeyConflictError(f"The service has {MAX_KEYS:,} keys, and may have no more: revoke some.")
        secret = f"ns_{secrets.token_urlsafe(32)}"
        key = StoredKey(
            name=request.name,
            role=request.role,
            sha256=hash_api_key(secret),
            prefix=secret[:PREFIX_CHARACTERS],
            created_at=datetime.fromtimestamp(await server_time_async(self._redis) / 1e6, UTC),
            created_by=created_by,
            expires_at=request.expires_at,
        )
        if not await self._redis.hsetnx(API_KEYS, key.name, key.model_dump_json()):
            raise KeyConflictError(
                f"There is a key of {key.name}. To replace it, revoke it and create it again: the new key has the same "
                "sweeps."
            )
        self._keyring.forget()
        return CreatedKey(**_without_hash(key).model_dump(), key=secret)

    async def revoke(self, name: str) -> None:
        """Remove a key. Its sweeps remain.

        Raises:
            UnknownKeyNameError: No key has this name.
            KeyConflictError: The key is in the settings.
        """
        if name in self._keyring.configured:
            raise KeyConflictError(f"The key of {name} is in NOISESWEEP_API_KEYS: remove it there.")
        if not await self._redis.hdel(API_KEYS, name):
            raise UnknownKeyNameError(f'No key has the name "{name}".')
        await self._redis.hdel(API_KEY_USES, name)
        self._keyring.forget()


def _configured(name: str, role: str) -> ApiKey:
    unknown = dict.fromkeys(("prefix", "created_at", "created_by", "expires_at", "last_used_at"))
    return ApiKey.model_validate({"name": name, "role": role, **unknown})


def _without_hash(key: StoredKey) -> ApiKey:
    return ApiKey(**key.model_dump(exclude={"sha256"}), last_used_at=None)
