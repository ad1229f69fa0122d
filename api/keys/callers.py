"""Callers: who presents an API key, or the token of a share link."""

from redis.exceptions import RedisError

from api.http.errors import InvalidKeyError
from api.keys.keyring import Keyring
from api.keys.shares import PREFIX, ShareStore
from noisesweep.models import Caller


class Callers:
    """Finder of callers."""

    def __init__(self, keyring: Keyring, shares: ShareStore) -> None:
        self._keyring, self._shares = keyring, shares

    async def find(self, key: str) -> Caller:
        """Return who presents an API key or the token of a share link.

        Raises:
            InvalidKeyError: It is unknown, was revoked or has expired.
            redis.exceptions.RedisError: The store does not respond, and the key is not in the settings.
        """
        return await (self._shares if key.startswith(PREFIX) else self._keyring).find(key)

    async def is_valid(self, key: str) -> bool:
        """Return whether a key or token that was valid still is. While the store does not respond, it is."""
        try:
            await self.find(key)
        except InvalidKeyError:
            return False
        except RedisError:
            return True
        return True
