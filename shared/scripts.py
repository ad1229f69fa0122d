"""The changes of state, each one Lua script: atomic, safe to repeat, timed by the server. And one that reads.

A script's header says its ARGV and its reply. Register `source(Script.CLAIM)` with a sync or an async client and
call it with `keys=SweepKeys(...).for_scripts`.
"""

from enum import StrEnum
from importlib.resources import files


class Script(StrEnum):
    """The scripts in shared/lua."""

    CREATE = "create"
    READ = "read"
    CLAIM = "claim"
    COMMIT = "commit"
    CHECKPOINT = "checkpoint"
    RELEASE = "release"
    FINISH = "finish"


def source(script: Script) -> str:
    """The script's text, with the prelude that names its keys before it."""
    lua = files("shared") / "lua"
    return (lua / "prelude.lua").read_text() + (lua / f"{script}.lua").read_text()
