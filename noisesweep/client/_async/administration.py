"""Operations of a client on API keys and quotas."""

from datetime import datetime
from urllib.parse import quote

from noisesweep.client._async.session import AsyncSession
from noisesweep.client.payloads import parse
from noisesweep.models import (
    ApiKey,
    Caller,
    CreatedKey,
    KeyList,
    Quota,
    QuotaList,
    Role,
    Usage,
)


class AsyncAdministration:
    """Part of the client for API keys, their quotas, and what this client's key uses."""

    _session: AsyncSession

    async def whoami(self) -> Caller:
        """Read the name and role of this client's API key. Without keys, everybody has the role admin."""
        return await self._session.get(Caller, "/whoami")

    async def api_keys(self) -> list[ApiKey]:
        """List the API keys of the service, for an instructor or administrator."""
        return (await self._session.get(KeyList, "/keys")).keys

    async def add_api_key(
        self, name: str, *, role: Role | str = Role.MEMBER, expires_at: datetime | None = None
    ) -> CreatedKey:
        """Create an API key, for an administrator. Only this answer contains the key itself.

        Args:
            name: Its name: 1 to 32 characters of A-Z a-z 0-9 _ . -
            role: admin, instructor, member or viewer.
            expires_at: Time after which the service refuses the key, with a time zone; None for never.

        Raises:
            RefusedError: There is a key of this name, or this client's key is not that of an administrator. If the
                answer of an earlier attempt was lost, revoke the key and create it again.
        """
        fields = {"name": name, "role": role, "expires_at": expires_at and expires_at.isoformat()}
        return await self._session.post(CreatedKey, "/keys", fields)

    async def revoke_api_key(self, name: str) -> None:
        """Revoke an API key, for an administrator. Its sweeps remain."""
        await self._session.send("DELETE", f"/keys/{quote(name, safe='')}")

    async def usage(self) -> Usage:
        """Read the limits of this client's API key, and what it uses of them."""
        return await self._session.get(Usage, "/quota")

    async def quotas(self) -> QuotaList:
        """List the quotas of roles and keys, for an instructor or administrator."""
        return await self._session.get(QuotaList, "/quotas")

    async def set_quota(
        self,
        holder: str,
        *,
        max_queued_runs: int | None = None,
        max_stored_bytes: int | None = None,
        max_core_seconds_per_day: int | None = None,
    ) -> Quota:
        """Set the limits of each key of a role, or of one key, for an instructor or administrator.

        They replace earlier ones of the holder. Where a limit is None, that of the role counts, then that of the
        service.

        Args:
            holder: "role:member", "role:instructor", "role:admin", or "key:" with the name of a key.
            max_queued_runs: Maximum number of queued runs.
            max_stored_bytes: Maximum number of bytes of its sweeps and data sets.
            max_core_seconds_per_day: Maximum core-seconds of the runs that it queues in 24 hours.
        """
        limits = {
            "max_queued_runs": max_queued_runs,
            "max_stored_bytes": max_stored_bytes,
            "max_core_seconds_per_day": max_core_seconds_per_day,
        }
        response = await self._session.send("PUT", _path_of(holder), body=limits)
        return parse(Quota, response.content, response)

    async def remove_quota(self, holder: str) -> None:
        """Remove the limits of a role or a key, for an instructor or administrator."""
        await self._session.send("DELETE", _path_of(holder))


def _path_of(holder: str) -> str:
    return f"/quotas/{quote(holder, safe='')}"
