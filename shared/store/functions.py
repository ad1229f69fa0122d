"""Functions of the store: calls, and the library that contains them (shared/store/noisesweep.lua).

Each change of state is one function. It is atomic, uses the server's clock, and is safe to repeat. The comment above a
function in the library describes its arguments and reply. Functions reject sweeps with a newer schema than this program
supports; `is_newer` detects that error. If the store is full, Redis rejects a function before it has changed anything,
except those with the flag `allow-oom`.

The administrator of the store loads the library. A program whose user may load it also does so if it is missing: on
a new connection, and after a failed call.
"""

import re
from collections.abc import Sequence
from enum import StrEnum
from importlib.resources import files
from itertools import chain
from typing import Any, NamedTuple

from redis import Redis
from redis import asyncio as redis_asyncio
from redis.exceptions import NoPermissionError, ResponseError

from shared.store.handshake import Handshake, UnsupportedStoreError
from shared.store.keys import SCHEMA

LIBRARY = (files("shared.store") / "noisesweep.lua").read_text()
REVISION = int(re.findall(r"REVISION, SCHEMA = (\d+)", LIBRARY)[0])
# The functions count work in this number of multiply-accumulates.
WORK_UNIT = 1_000_000
_LOAD = ("FUNCTION", "LOAD", "REPLACE", LIBRARY)


class Function(StrEnum):
    """Names of the functions, without their prefix."""

    CHECK = "check"
    CREATE = "create"
    EXTEND = "extend"
    RETRY = "retry"
    EDIT = "edit"
    CANCEL = "cancel"
    DELETE = "delete"
    ADD_DATASET = "add_dataset"
    DELETE_DATASET = "delete_dataset"
    READ = "read"
    READ_RUN = "read_run"
    QUEUE = "queue"
    WAITING = "waiting"
    ADMIT = "admit"
    USAGE = "usage"
    CLAIM = "claim"
    RENEW = "renew"
    COMMIT = "commit"
    CHECKPOINT = "checkpoint"
    MODEL = "model"
    WARN = "warn"
    SUCCEED = "succeed"
    STOP = "stop"
    RELEASE = "release"
    BEGIN_ROUND = "begin_round"
    REAP = "reap"
    BEAT = "beat"


Argument = str | int | float | bytes


class Call(NamedTuple):
    """Call of a function with named arguments."""

    function: Function
    arguments: tuple[tuple[str, Argument], ...]

    @property
    def command(self) -> tuple[Argument, ...]:
        """Return the Redis command."""
        return ("FCALL", f"ns{SCHEMA}_{self.function}", 0, *chain.from_iterable(self.arguments))


def call(function: Function, **arguments: Argument) -> Call:
    """Return the call of a function with these arguments."""
    return Call(function, tuple(arguments.items()))


class MissingFunctionsError(UnsupportedStoreError):
    """The store does not have this program's functions, and its user may not load them."""

    def __init__(self) -> None:
        super().__init__(
            "The store lacks the functions of this version of noisesweep, and this user may not load them. Load them "
            "as an administrator: `docker compose exec redis noisesweep-redis load`, or "
            "`redis-cli -x FUNCTION LOAD REPLACE < shared/store/noisesweep.lua`."
        )


class DeniedFunctionsError(UnsupportedStoreError):
    """The user may not call this program's functions."""

    def __init__(self) -> None:
        super().__init__(
            "This user of the store may not call the functions of noisesweep. Give it the permissions of its role in "
            "deploy/redis/roles: `ACL SETUSER NAME +fcall +fcall_ro`, and the role's key patterns."
        )


class OldSweepsError(UnsupportedStoreError):
    """The store contains sweeps of an older version of noisesweep."""

    def __init__(self, schema: str) -> None:
        super().__init__(
            f"The store contains sweeps of an older version of noisesweep (schema {schema}), which this version cannot "
            f"read (schema {SCHEMA}). Save their results with the older version. Then use another store: "
            "`noisesweep up --data FOLDER` or, if NOISESWEEP_REDIS_URL is set, another database, such as "
            "redis://127.0.0.1:6379/1."
        )


def check_functions() -> Handshake:
    """Check that the store has this program's library; load it if it is missing or older.

    Raises:
        MissingFunctionsError: It is missing or older, and the user may not load it.
        DeniedFunctionsError: The user may not call its functions.
        OldSweepsError: The store contains sweeps with an older schema.
    """
    revision = 0
    while True:
        try:
            revision = yield call(Function.CHECK).command
        except NoPermissionError as error:
            raise DeniedFunctionsError from error
        except ResponseError as error:
            if str(error).startswith("OLDERSCHEMA"):
                raise OldSweepsError(str(error).split()[1]) from error
            if not is_missing(error):
                raise
        if revision >= REVISION:
            return
        try:
            yield _LOAD
        except NoPermissionError as error:
            raise MissingFunctionsError from error


class Functions:
    """Caller of the functions."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def call(self, function: Function, **arguments: Argument) -> Any:  # noqa: ANN401 - the reply of any function
        """Call a function and return its reply. Raise redis.exceptions.RedisError if it fails."""
        (reply,) = self.call_all([call(function, **arguments)])
        if isinstance(reply, Exception):
            raise reply
        return reply

    def call_all(self, calls: Sequence[Call]) -> list[Any]:
        """Make calls in one round trip. Return the reply or the error of each."""
        replies = self._execute(calls)
        if any(map(is_missing, replies)):
            try:
                self._redis.execute_command(*_LOAD)  # type: ignore[no-untyped-call]
            except NoPermissionError as error:
                raise MissingFunctionsError from error
            replies = self._execute(calls)
        return replies

    def _execute(self, calls: Sequence[Call]) -> list[Any]:
        with self._redis.pipeline(transaction=False) as pipeline:
            for each in calls:
                pipeline.execute_command(*each.command)  # type: ignore[no-untyped-call]
            return pipeline.execute(raise_on_error=False)


class AsyncFunctions:
    """Async version of Functions."""

    def __init__(self, redis: redis_asyncio.Redis) -> None:
        self._redis = redis

    async def call(self, function: Function, **arguments: Argument) -> Any:  # noqa: ANN401 - the reply of any function
        """Call a function and return its reply. Raise redis.exceptions.RedisError if it fails."""
        (reply,) = await self.call_all([call(function, **arguments)])
        if isinstance(reply, Exception):
            raise reply
        return reply

    async def call_all(self, calls: Sequence[Call]) -> list[Any]:
        """Make calls in one round trip. Return the reply or the error of each."""
        replies = await self._execute(calls)
        if any(map(is_missing, replies)):
            try:
                await self._redis.execute_command(*_LOAD)  # type: ignore[no-untyped-call]
            except NoPermissionError as error:
                raise MissingFunctionsError from error
            replies = await self._execute(calls)
        return replies

    async def _execute(self, calls: Sequence[Call]) -> list[Any]:
        async with self._redis.pipeline(transaction=False) as pipeline:
            for each in calls:
                pipeline.execute_command(*each.command)
            return await pipeline.execute(raise_on_error=False)


def is_missing(reply: object) -> bool:
    """Return whether a call failed because the store does not have the function."""
    return isinstance(reply, ResponseError) and "Function not found" in str(reply)


def is_newer(error: Exception) -> bool:
    """Return whether a function rejected a sweep because its schema is newer than this program's."""
    return isinstance(error, ResponseError) and str(error).startswith("NEWERSCHEMA")


def is_broken(error: Exception) -> bool:
    """Return whether a function failed because of the content of a record: a wrong type, or a missing field."""
    return isinstance(error, ResponseError) and (str(error).startswith("WRONGTYPE") or "attempt to " in str(error))


def raise_if_newer(schema: str | None) -> None:
    """Raise ResponseError if the schema of a sweep is newer than this program's. For reads without a function."""
    if schema is not None and int(schema) > SCHEMA:
        raise ResponseError(f"NEWERSCHEMA The sweep has schema {schema}, this program supports up to {SCHEMA}")
