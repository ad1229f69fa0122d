"""The checks of the store: whether it is there, takes writes, and keeps what it has acknowledged."""

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

from shared.settings import Settings
from shared.store import address, connections
from shared.store.address import FORM, Address, host_port
from shared.store.connections import PrimaryPool
from shared.store.keys import PROBE
from worker.doctor.findings import Finding, Verdict

OWN_STORE = "or unset NOISESWEEP_REDIS_URL: `noisesweep up` then starts a store of its own"
NEARLY_FULL = 0.9  # of maxmemory
PROBE_SCRIPT = "return redis.call('SET', KEYS[1], '', 'PX', 1000)"  # a script, as every write of the service is


def check_store(settings: Settings, own_store: str | None) -> Iterator[Finding]:
    """The findings on the store that NOISESWEEP_REDIS_URL names, or else on the one that `noisesweep up` starts.

    It writes one key, which expires after a second. No finding holds the password, nor a part of it.

    Args:
        settings: The URL is taken from it, if it was given there.
        own_store: The server that `noisesweep up` starts; "" if there is none, None if that is not known.
    """
    if "redis_url" not in settings.model_fields_set:
        yield _own_store(own_store)
        return
    where = address.parse(settings.redis_url.get_secret_value())
    # Whoever asks the doctor can wait for a slow one; one attempt is the truth.
    with closing(connections.blocking(settings, socket_connect_timeout=2, socket_timeout=5)) as redis:
        reached = _reach(redis, where)
        yield reached
        if reached.verdict is Verdict.OK:
            try:
                yield from _examine(redis)
            except RedisError as error:
                yield Finding("store", Verdict.PROBLEM, f"it stopped answering: {error}", "Look at its log.")


def _own_store(binary: str | None) -> Finding:
    unset = "NOISESWEEP_REDIS_URL is not set, so `noisesweep up` starts a store of its own"
    if binary is None:
        return Finding("store", Verdict.OK, unset)
    install = "Install redis-server or noisesweep[embedded], or set NOISESWEEP_REDIS_URL."
    if not binary:
        return Finding("store", Verdict.PROBLEM, "NOISESWEEP_REDIS_URL is not set and no server is installed", install)
    try:
        answer = subprocess.run([binary, "--version"], capture_output=True, text=True, check=True, timeout=10)  # noqa: S603
    except (OSError, subprocess.SubprocessError) as error:
        return Finding("store", Verdict.PROBLEM, f"{binary} does not start: {error}", install)
    version = re.search(r"(\w+) server v=(\S+)", answer.stdout)
    name = f"{version[1]} {version[2]}" if version else "a server of unknown version"
    return Finding("store", Verdict.OK, f"{unset}: {name} ({binary})")


def _reach(redis: Redis, where: Address) -> Finding:
    server, by = ", ".join(where.hosts), ""
    try:
        if isinstance(redis.connection_pool, PrimaryPool):
            by = f", the primary by the Sentinels at {server}"
            server = host_port(*redis.connection_pool.get_master_address())  # type: ignore[no-untyped-call]
        redis.ping()
    except NoPermissionError:
        pass  # it answers
    except InvalidResponse:
        found = f"what answers at {server} is not Redis"
        return Finding("store", Verdict.PROBLEM, found, f"Correct the address, {OWN_STORE}.")
    except AuthenticationError:
        found = f"{server} wants another user or password than NOISESWEEP_REDIS_URL gives"
        return Finding("store", Verdict.PROBLEM, found, f"Give them in it: {FORM}.")
    except RedisError as error:
        remedy = f"Start Redis there, correct the address, {OWN_STORE}."
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            remedy = (
                "Let the URL name the authority, ?ssl_ca_certs=/path/ca.crt, and the server's certificate the URL's "
                "host, as a subjectAltName."
            )
        return Finding("store", Verdict.PROBLEM, f"not reached at {server}{by}: {error}", remedy)
    return Finding("store", Verdict.OK, f"answers at {server}, database {where.database}{by}")


def _examine(redis: Redis) -> Iterator[Finding]:
    known = _what_it_tells(redis)
    if "version" in known:
        yield Finding("store version", Verdict.OK, known["version"])
    yield _writes(redis)
    if "appendonly" in known:
        yield _append_only(known["appendonly"])
    if "appendfsync" in known and known.get("appendonly") != "no":
        yield _fsync(known["appendfsync"])
    if {"maxmemory", "maxmemory-policy"} <= known.keys():
        yield _eviction(int(known["maxmemory"]), known["maxmemory-policy"])
    if {"maxmemory", "used_memory"} <= known.keys():
        yield _fullness(int(known["maxmemory"]), int(known["used_memory"]))
    hidden = [name for name in ("appendonly", "appendfsync", "maxmemory", "maxmemory-policy") if name not in known]
    if hidden:
        yield Finding(
            "store settings",
            Verdict.WARNING,
            f"this user is not shown {', '.join(hidden)}",
            "Ask who runs it for `appendonly yes`, `appendfsync always` and `maxmemory-policy noeviction`; or let the "
            "user look: `ACL SETUSER NAME +info +config|get`.",
        )


def _what_it_tells(redis: Redis) -> dict[str, str]:
    """Check version, memory and settings as far as INFO and CONFIG GET are allowed; a managed Redis may forbid them."""
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


def _writes(redis: Redis) -> Finding:
    try:
        redis.eval(PROBE_SCRIPT, 1, PROBE)
    except ReadOnlyError:
        found, remedy = "it is a replica, which takes none", "Set NOISESWEEP_REDIS_URL to the address of its primary."
    except OutOfMemoryError:
        found, remedy = "it is full, and takes none", _make_room()
    except ResponseError as error:
        found = f"it refuses: {error}"
        denied = isinstance(error, NoPermissionError) or "ACL failure" in str(error)
        remedy = "Let this user write: `ACL SETUSER NAME ~* &* +@all`." if denied else "Look at its log."
    else:
        return Finding("store writes", Verdict.OK, "scripts run, and write")
    return Finding("store writes", Verdict.PROBLEM, found, remedy)


def _append_only(value: str) -> Finding:
    if value == "yes":
        return Finding("store log", Verdict.OK, "appendonly yes: what it holds survives its end")
    found = f"appendonly {value}: when it ends, what it has acknowledged since its last snapshot is lost"
    return Finding("store log", Verdict.PROBLEM, found, _set("appendonly yes"))


def _fsync(value: str) -> Finding:
    if value == "always":
        return Finding("store fsync", Verdict.OK, "appendfsync always: what it has acknowledged is on the disk")
    # How long Linux keeps what is written: https://redis.io/docs/latest/operate/oss_and_stack/management/persistence/
    lost = "up to a second" if value == "everysec" else "on Linux up to 30 seconds"
    found = f"appendfsync {value}: when the machine fails, {lost} of what it has acknowledged can be lost"
    return Finding("store fsync", Verdict.WARNING, found, _set("appendfsync always"))


def _eviction(maxmemory_bytes: int, policy: str) -> Finding:
    if maxmemory_bytes == 0:
        return Finding("store eviction", Verdict.OK, "none: it has no limit (maxmemory 0)")
    if policy == "noeviction":
        return Finding("store eviction", Verdict.OK, "none (maxmemory-policy noeviction)")
    found = f"maxmemory-policy {policy}: when it is full, it throws sweeps and their results away"
    return Finding("store eviction", Verdict.PROBLEM, found, _set("maxmemory-policy noeviction"))


def _fullness(maxmemory_bytes: int, used_bytes: int) -> Finding:
    used = f"{used_bytes / 1e6:,.0f} MB used"
    if maxmemory_bytes == 0:
        return Finding("store memory", Verdict.OK, used)
    share = used_bytes / maxmemory_bytes
    found = f"{used} of {maxmemory_bytes / 1e6:,.0f} MB, {share:.0%}"
    if share < NEARLY_FULL:
        return Finding("store memory", Verdict.OK, found)
    return Finding("store memory", Verdict.WARNING, f"{found}: full, it refuses new sweeps", _make_room())


def _make_room() -> str:
    return "Give it more: `redis-cli CONFIG SET maxmemory 4gb`. Or delete sweeps: `DELETE /sweeps/{id}`."


def _set(setting: str) -> str:
    return f"`redis-cli CONFIG SET {setting}`, and the line `{setting}` in its redis.conf to keep it so."
