"""Lua scripts, one per state change, plus one that reads. Each is atomic, safe to repeat, and uses the server's clock.

The header of a script documents its ARGV and reply. Register `source(Script.CLAIM)` with a sync or async client and
call it with `keys=SweepKeys(...).for_scripts`. Scripts reject sweeps with a newer schema than this program supports;
`is_newer` detects that error. If Redis is out of memory, it aborts a script at its first write that needs memory,
before any change. Scripts with the flag `allow-oom` in their first line still run.
"""

from enum import StrEnum
from importlib.resources import files

from redis.exceptions import ResponseError

from shared.store.keys import SCHEMA


class Script(StrEnum):
    """Names of the scripts in shared/store/lua."""

    CREATE = "create"
    EXTEND = "extend"
    READ = "read"
    CLAIM = "claim"
    RENEW = "renew"
    COMMIT = "commit"
    CHECKPOINT = "checkpoint"
    MODEL = "model"
    WARN = "warn"
    RELEASE = "release"
    FINISH = "finish"
    ROUND = "round"
    REAP = "reap"
    CANCEL = "cancel"
    RETRY = "retry"
    DELETE = "delete"


def source(script: Script) -> str:
    """Return the text of a script, preceded by the prelude that names its keys."""
    lua = files("shared.store") / "lua"
    text = (lua / f"{script}.lua").read_text()
    flags, rest = text.split("\n", 1) if text.startswith("#!") else ("", text)
    return "\n".join(filter(None, [flags, f"local SCHEMA = {SCHEMA}", (lua / "prelude.lua").read_text() + rest]))


def is_newer(error: Exception) -> bool:
    """Return whether a script rejected a sweep because its schema is newer than this program's."""
    return isinstance(error, ResponseError) and str(error).startswith("NEWERSCHEMA")


def is_broken(error: Exception) -> bool:
    """Return whether a script failed because of the content of a record: a wrong type, or a missing field."""
    return isinstance(error, ResponseError) and (str(error).startswith("WRONGTYPE") or "attempt to " in str(error))


def is_supported(schema: str | None) -> bool:
    """Return whether this program supports the schema of a record; None means the first schema."""
    return schema is None or int(schema) <= SCHEMA


def raise_if_newer(schema: str | None) -> None:
    """Raise ResponseError if the schema is newer than this program's. For reads that bypass the scripts."""
    if not is_supported(schema):
        raise ResponseError(f"NEWERSCHEMA The sweep has schema {schema}, this program supports up to {SCHEMA}")
