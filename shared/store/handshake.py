"""Checks on every new connection to the store, because a failover or a restart can change the server.

A check is a generator: it yields commands, and receives the reply of each, or its ResponseError. So the same check runs
on sync and on async connections. `sync_handshake` and `async_handshake` return values for redis-py's
`redis_connect_func`, which prepares a new connection.
"""

from collections.abc import Awaitable, Callable, Generator
from typing import Any

from redis import Connection
from redis.asyncio import Connection as AsyncioConnection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from noisesweep.models import REQUIRED_STORE

Handshake = Generator[tuple[Any, ...], Any, None]


class UnsupportedStoreError(RedisConnectionError):
    """This program cannot use the store. It is a ConnectionError, so callers treat the store as unavailable."""


class OldServerError(UnsupportedStoreError):
    """The server is too old.

    Attributes:
        received: Name and version of the server.
    """

    def __init__(self, received: str) -> None:
        super().__init__(
            f"The store is too old: expected {REQUIRED_STORE}, received {received}. Upgrade the server, or set "
            "NOISESWEEP_REDIS_URL to another one."
        )
        self.received = received


def sync_handshake(*checks: Callable[[], Handshake]) -> Callable[[Connection], None]:
    """Return a function that prepares a new connection and makes the checks."""

    def prepare(connection: Connection) -> None:
        try:
            connection.on_connect_check_health(check_health=False)
        except ResponseError as error:
            raise_if_hello_is_unknown(error)
            raise
        for check in checks:
            steps, reply = check(), None
            while command := _next_command(steps, reply):
                connection.send_command(*command, check_health=False)  # type: ignore[no-untyped-call]
                try:
                    reply = connection.read_response()
                except ResponseError as error:
                    reply = error

    return prepare


def async_handshake(*checks: Callable[[], Handshake]) -> Callable[[AsyncioConnection], Awaitable[None]]:
    """Return a coroutine function that prepares a new connection and makes the checks."""

    async def prepare(connection: AsyncioConnection) -> None:
        try:
            await connection.on_connect_check_health(check_health=False)
        except ResponseError as error:
            raise_if_hello_is_unknown(error)
            raise
        for check in checks:
            steps, reply = check(), None
            while command := _next_command(steps, reply):
                await connection.send_command(*command, check_health=False)
                try:
                    reply = await connection.read_response()
                except ResponseError as error:
                    reply = error

    return prepare


def raise_if_hello_is_unknown(error: ResponseError) -> None:
    """Raise OldServerError if the server has rejected HELLO as an unknown command."""
    if "unknown command 'HELLO'" in str(error).replace("`", "'"):
        raise OldServerError("Redis older than 6.0") from error


def _next_command(steps: Handshake, reply: Any) -> tuple[Any, ...] | None:  # noqa: ANN401 - redis-py's type of a reply
    """Give a check the reply to its last command, or None at first. Return its next command; None at its end."""
    try:
        return steps.throw(reply) if isinstance(reply, ResponseError) else steps.send(reply)
    except StopIteration:
        return None
