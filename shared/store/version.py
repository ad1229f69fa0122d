"""Check of the server's version. INFO distinguishes Valkey from Redis, but not every user may call it."""

import re
from typing import Any

from redis.exceptions import ResponseError
from redis.utils import str_if_bytes

from noisesweep.models import is_supported_store
from shared.store.handshake import Handshake, OldServerError, raise_if_hello_is_unknown

INFO = ("INFO", "server")
HELLO = ("HELLO",)
# INFO of Valkey also contains redis_version, the version of Redis that it is compatible with.
_VERSION_IN_INFO = re.compile(r"^(valkey|redis)_version:(\S+)", re.MULTILINE)


def check_version() -> Handshake:
    """Ask for the server's version; raise OldServerError if it is too old or unknown. Every user may call HELLO."""
    for command in (INFO, HELLO):
        try:
            reply = yield command
        except ResponseError as error:
            raise_if_hello_is_unknown(error)
        else:
            _check(reply)
            return
    _check("")


def _check(reply: Any) -> None:  # noqa: ANN401 - redis-py's type of a reply
    """Raise OldServerError if a reply to INFO or HELLO names no version or one that is too old."""
    if isinstance(reply, dict):
        hello = {str_if_bytes(name): str_if_bytes(value) for name, value in reply.items()}
        versions = {hello["server"]: hello["version"]}
    else:
        versions = dict(_VERSION_IN_INFO.findall(str_if_bytes(reply))) or {"a server": "of unknown version"}
    server = "valkey" if "valkey" in versions else next(iter(versions))
    if not is_supported_store(versions[server]):
        raise OldServerError(f"{server.capitalize()} {versions[server]}")
