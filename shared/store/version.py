"""Check of the store's version on every new connection, because a failover or a restart can bring an older server.

The functions are values of redis-py's `redis_connect_func`, which prepares a new connection. INFO distinguishes Valkey
from Redis, but not every user may call it. Every user may call HELLO.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from redis import Connection
from redis.asyncio import Connection as AsyncioConnection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError
from redis.utils import str_if_bytes

from noisesweep.models import REQUIRED_STORE, is_supported_store

INFO = ("INFO", "server")
HELLO = ("HELLO",)
# INFO of Valkey also contains redis_version, the version of Redis that it is compatible with.
_VERSION_IN_INFO = re.compile(r"^(valkey|redis)_version:(\S+)", re.MULTILINE)


class UnsupportedStoreError(RedisConnectionError):
    """The server is too old. It is a ConnectionError, so callers treat the store as unavailable.

    Attributes:
        received: Name and version of the server.
    """

    def __init__(self, received: str) -> None:
        super().__init__(
            f"The store is too old: expected {REQUIRED_STORE}, received {received}. Upgrade the server, or set "
            "NOISESWEEP_REDIS_URL to another one."
        )
        self.received = received


def connect_if_supported(connection: Connection) -> None:
    """Prepare a new connection; raise UnsupportedStoreError if the server is too old."""
    with _hello_required():
        connection.on_connect_check_health(check_health=False)
        for command in (INFO, HELLO):
            with suppress(ResponseError):
                connection.send_command(*command, check_health=False)  # type: ignore[no-untyped-call]
                _check(connection.read_response())
                return
    _check("")


async def connect_if_supported_async(connection: AsyncioConnection) -> None:
    """Prepare a new connection; raise UnsupportedStoreError if the server is too old."""
    with _hello_required():
        await connection.on_connect_check_health(check_health=False)
        for command in (INFO, HELLO):
            with suppress(ResponseError):
                await connection.send_command(*command, check_health=False)
                _check(await connection.read_response())
                return
    _check("")


@contextmanager
def _hello_required() -> Iterator[None]:
    try:
        yield
    except ResponseError as error:
        if "unknown command 'HELLO'" in str(error).replace("`", "'"):
            raise UnsupportedStoreError("Redis older than 6.0") from error
        raise


def _check(reply: Any) -> None:  # noqa: ANN401 - redis-py's type of a reply
    """Raise UnsupportedStoreError if a reply to INFO or HELLO names no version or one that is too old."""
    if isinstance(reply, dict):
        hello = {str_if_bytes(name): str_if_bytes(value) for name, value in reply.items()}
        versions = {hello["server"]: hello["version"]}
    else:
        versions = dict(_VERSION_IN_INFO.findall(str_if_bytes(reply))) or {"a server": "of unknown version"}
    server = "valkey" if "valkey" in versions else next(iter(versions))
    if not is_supported_store(versions[server]):
        raise UnsupportedStoreError(f"{server.capitalize()} {versions[server]}")
