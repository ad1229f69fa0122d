"""The changes of state, each one Lua script: atomic, safe to repeat, timed by the server. And one that reads.

A script's header says its ARGV and its reply. Register `source(Script.CLAIM)` with a sync or an async client and
call it with `keys=SweepKeys(...).for_scripts`. It refuses a sweep of a newer schema than this program's, and then
`is_newer` tells the error from others. A full Redis refuses a script at its first write that takes room, before
it has changed anything, unless the script's first line lets it write nonetheless.
"""

from enum import StrEnum
from importlib.resources import files

from redis.exceptions import ResponseError

from shared.store.keys import SCHEMA


class Script(StrEnum):
    """The scripts in shared/store/lua."""

    CREATE = "create"
    EXTEND = "extend"
    READ = "read"
    CLAIM = "claim"
    RENEW = "renew"
    COMMIT = "commit"
    RELEASE = "release"
    FINISH = "finish"
    REAP = "reap"
    CANCEL = "cancel"
    RETRY = "retry"
    DELETE = "delete"


def source(script: Script) -> str:
    """The script's text, with the prelude that names its keys before it."""
    lua = files("shared.store") / "lua"
    text = (lua / f"{script}.lua").read_text()
    flags, rest = text.split("\n", 1) if text.startswith("#!") else ("", text)
    return "\n".join(filter(None, [flags, f"local SCHEMA = {SCHEMA}", (lua / "prelude.lua").read_text() + rest]))


def is_newer(error: Exception) -> bool:
    """Return whether a script refused a sweep because a newer program wrote it."""
    return isinstance(error, ResponseError) and str(error).startswith("NEWERSCHEMA")


def is_supported(schema: str | None) -> bool:
    """Return whether this program may read a record of that schema; None stands for the first one."""
    return schema is None or int(schema) <= SCHEMA


def raise_if_newer(schema: str | None) -> None:
    """Raise ResponseError as scripts do if a record is of a newer schema. For reads that bypass the scripts."""
    if not is_supported(schema):
        raise ResponseError(f"NEWERSCHEMA The sweep is of schema {schema}, this program knows {SCHEMA}")
