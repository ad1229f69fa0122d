"""Checks of the store: connection, writes, durability and memory."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import closing, suppress
from typing import cast

from redis import Redis
from redis.exceptions import (
    AuthenticationError,
    InvalidResponse,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)

from noisesweep.models import REQUIRED_STORE, is_supported_store
from shared.settings import Settings
from shared.store import address, connections
from shared.store.address import URL_FORMAT, Address, host_port
from shared.store.connections import PrimaryPool
from shared.store.functions import DeniedFunctionsError, Function, Functions, MissingFunctionsError, OldSweepsError
from shared.store.handshake import OldServerError
from shared.store.keys import PROBE, SCHEMA
from shared.store.version import check_version
from worker.doctor.findings import Finding, Verdict

OWN_STORE = "or unset NOISESWEEP_REDIS_URL: `noisesweep up` then starts its own store"
NEARLY_FULL = 0.9  # fraction of maxmemory


def check_store(settings: Settings, own_store: str | None, skipped: str = "") -> Iterator[Finding]:
    """Check the store of NOISESWEEP_REDIS_URL, or the server that `noisesweep up` starts if the variable is not set.

    The check loads the functions if they are missing, and writes one key, which expires after a second. No finding
    contains the password.

    Args:
        settings: Settings with the URL.
        own_store: Path of the server that `noisesweep up` starts; "" if none is usable, None if unknown.
        skipped: Sentence about the server on the PATH, if `noisesweep up` does not use it.
    """
    if "redis_url" not in settings.model_fields_set:
        yield _check_own_store(own_store, skipped)
        return
    where = address.parse(settings.redis_url.get_secret_value())
    # The user can wait a few seconds. There are no retries, so that every error is reported.
    timeouts = connections.Timeouts(socket_connect_timeout=2, socket_timeout=5)
    with closing(connections.sync_client(settings, checks=[check_version], **timeouts)) as redis:
        connection = _check_connection(redis, where)
        yield connection
        if connection.verdict is Verdict.OK:
            try:
                yield from _check_server(redis)
                with closing(connections.sync_client(settings, **timeouts)) as service:
                    yield from _check_functions(service)
            except RedisError as error:
                yield Finding("store", Verdict.PROBLEM, f"it stopped answering: {error}", "See the log of Redis.")


def _check_own_store(binary: str | None, skipped: str) -> Finding:
    unset = "NOISESWEEP_REDIS_URL is not set, so `noisesweep up` starts its own store"
    if binary is None:
        return Finding("store", Verdict.OK, unset)
    install = f"Install {REQUIRED_STORE}, or noisesweep[embedded], or set NOISESWEEP_REDIS_URL."
    if not binary:
        found = f"NOISESWEEP_REDIS_URL is not set and no usable server is installed. {skipped}".strip()
        return Finding("store", Verdict.PROBLEM, found, install)
    try:
        result = subprocess.run([binary, "--version"], capture_output=True, text=True, check=True, timeout=10)  # noqa: S603
    except (OSError, subprocess.SubprocessError) as error:
        return Finding("store", Verdict.PROBLEM, f"{binary} does not start: {error}", install)
    version = re.search(r"(\w+) server v=(\S+)", result.stdout)
    name = f"{version[1]} {version[2]}" if version else "a server of unknown version"
    if not version or not is_supported_store(version[2]):
        return Finding("store version", Verdict.PROBLEM, f"{name} ({binary}); expected {REQUIRED_STORE}", install)
    found = f"{unset}: {name} ({binary})"
    if skipped:
        remedy = "Upgrade it, or remove it from the PATH."
        return Finding("store", Verdict.WARNING, f"{found}. {skipped}", remedy)
    return Finding("store", Verdict.OK, found)


def _check_connection(redis: Redis, where: Address) -> Finding:
    server, by = ", ".join(where.hosts), ""
    try:
        if isinstance(redis.connection_pool, PrimaryPool):
            by = f", the primary according to the Sentinels at {server}"
            server = host_port(*redis.connection_pool.get_master_address())  # type: ignore[no-untyped-call]
        redis.ping()
    except NoPermissionError:
        pass  # the server answers
    except InvalidResponse:
        found = f"the server at {server} is not Redis"
        return Finding("store", Verdict.PROBLEM, found, f"Correct the address, {OWN_STORE}.")
    except AuthenticationError:
        found = f"{server} rejects the user or password in NOISESWEEP_REDIS_URL"
        return Finding("store", Verdict.PROBLEM, found, f"Correct them: {URL_FORMAT}.")
    except OldServerError as error:
        found = f"{error.received} at {server}{by}; expected {REQUIRED_STORE}"
        return Finding("store version", Verdict.PROBLEM, found, f"Upgrade it, correct the address, {OWN_STORE}.")
    except RedisError as error:
        remedy = f"Start Redis there, correct the address, {OWN_STORE}."
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            remedy = (
                "Add ?ssl_ca_certs=/path/ca.crt to the URL. The server's certificate must list the URL's host as a "
                "subjectAltName."
            )
        return Finding("store", Verdict.PROBLEM, f"no connection to {server}{by}: {error}", remedy)
    return Finding("store", Verdict.OK, f"answers at {server}, database {where.database}{by}")


def _check_server(redis: Redis) -> Iterator[Finding]:
    known = _read_settings(redis)
    if "version" in known:
        yield Finding("store version", Verdict.OK, known["version"])
    yield _check_writes(redis)
    if "appendonly" in known:
        yield _check_append_only(known["appendonly"])
    if "appendfsync" in known and known.get("appendonly") != "no":
        yield _check_fsync(known["appendfsync"])
    if {"maxmemory", "maxmemory-policy"} <= known.keys():
        yield _check_eviction(int(known["maxmemory"]), known["maxmemory-policy"])
    if {"maxmemory", "used_memory"} <= known.keys():
        yield _check_memory(int(known["maxmemory"]), int(known["used_memory"]))
    hidden = [name for name in ("appendonly", "appendfsync", "maxmemory", "maxmemory-policy") if name not in known]
    if hidden:
        yield Finding(
            "store settings",
            Verdict.WARNING,
            f"this user may not read {', '.join(hidden)}",
            "Ask the administrator to set appendonly yes, appendfsync always and maxmemory-policy noeviction, or let "
            "this user read them: `ACL SETUSER NAME +info +config|get`.",
        )


def _read_settings(redis: Redis) -> dict[str, str]:
    """Read version, memory and settings with INFO and CONFIG GET, if allowed; a managed Redis may forbid them."""
    known: dict[str, str] = {}
    with suppress(ResponseError):
        info = redis.info()
        server = "valkey" if "valkey_version" in info else "redis"
        known = {
            "version": f"{server.capitalize()} {info[f'{server}_version']}",
            "appendonly": "yes" if info["aof_enabled"] else "no",
            "maxmemory": str(info["maxmemory"]),
            "maxmemory-policy": info["maxmemory_policy"],
            "used_memory": str(info["used_memory"]),
        }
    with suppress(ResponseError):
        for name in ("appendonly", "appendfsync", "maxmemory", "maxmemory-policy"):
            known.update(cast("dict[str, str]", redis.config_get(name)))
    return known


def _check_writes(redis: Redis) -> Finding:
    try:
        redis.set(PROBE, "", px=1000)
    except ReadOnlyError:
        found, remedy = "it is a read-only replica", "Set NOISESWEEP_REDIS_URL to the address of its primary."
    except OutOfMemoryError:
        found, remedy = "it is full and accepts no writes", _memory_remedy()
    except ResponseError as error:
        found = f"it rejects writes: {error}"
        denied = isinstance(error, NoPermissionError) or "ACL failure" in str(error)
        remedy = "Let this user write: `ACL SETUSER NAME ~* &* +@all`." if denied else "See the log of Redis."
    else:
        return Finding("store writes", Verdict.OK, "accepted")
    return Finding("store writes", Verdict.PROBLEM, found, remedy)


def _check_functions(redis: Redis) -> Iterator[Finding]:
    try:
        revision = Functions(redis).call(Function.CHECK)
    except (MissingFunctionsError, DeniedFunctionsError, OldSweepsError) as error:
        found, _, remedy = str(error).partition(". ")
        yield Finding("store functions", Verdict.PROBLEM, found, remedy)
    except (ReadOnlyError, OutOfMemoryError):
        pass  # the functions are missing, and _check_writes reports why they cannot be loaded
    else:
        yield Finding("store functions", Verdict.OK, f"schema {SCHEMA}, revision {revision}")


def _check_append_only(value: str) -> Finding:
    if value == "yes":
        return Finding("store log", Verdict.OK, "appendonly yes: data survives a restart")
    found = f"appendonly {value}: a restart loses all data since the last snapshot"
    return Finding("store log", Verdict.PROBLEM, found, _setting_remedy("appendonly yes"))


def _check_fsync(value: str) -> Finding:
    if value == "always":
        return Finding("store fsync", Verdict.OK, "appendfsync always: all acknowledged data is on disk")
    # How long Linux delays a write to disk: https://redis.io/docs/latest/operate/oss_and_stack/management/persistence/
    lost = "up to a second" if value == "everysec" else "on Linux up to 30 seconds"
    found = f"appendfsync {value}: a crash of the machine can lose {lost} of acknowledged data"
    return Finding("store fsync", Verdict.WARNING, found, _setting_remedy("appendfsync always"))


def _check_eviction(maxmemory_bytes: int, policy: str) -> Finding:
    if maxmemory_bytes == 0:
        return Finding("store eviction", Verdict.OK, "none: no memory limit (maxmemory 0)")
    if policy == "noeviction":
        return Finding("store eviction", Verdict.OK, "none (maxmemory-policy noeviction)")
    found = f"maxmemory-policy {policy}: a full store deletes sweeps and their results"
    return Finding("store eviction", Verdict.PROBLEM, found, _setting_remedy("maxmemory-policy noeviction"))


def _check_memory(maxmemory_bytes: int, used_bytes: int) -> Finding:
    used = f"{used_bytes / 1e6:,.0f} MB used"
    if maxmemory_bytes == 0:
        return Finding("store memory", Verdict.OK, used)
    fraction = used_bytes / maxmemory_bytes
    found = f"{used} of {maxmemory_bytes / 1e6:,.0f} MB, {fraction:.0%}"
    if fraction < NEARLY_FULL:
        return Finding("store memory", Verdict.OK, found)
    return Finding("store memory", Verdict.WARNING, f"{found}: a full store rejects new sweeps", _memory_remedy())


def _memory_remedy() -> str:
    return "Raise the limit: `redis-cli CONFIG SET maxmemory 4gb`. Or delete sweeps: `DELETE /sweeps/{id}`."


def _setting_remedy(setting: str) -> str:
    return f"`redis-cli CONFIG SET {setting}`, and add the line `{setting}` to redis.conf to keep it after a restart."
