"""Required version of the store. The launcher checks it before it starts a server, the services on every connection."""

import re

REQUIRED_STORE = "Redis 7.0 or newer, or Valkey"
_REQUIRED_VERSION = (7, 0)


def is_supported_store(version: str) -> bool:
    """Return whether a version of Redis or Valkey, for example "7.0.15", is supported.

    Older versions reject the flags of Lua scripts. All versions of Valkey are supported, because its first one is 7.2.
    """
    numbers = re.match(r"(\d+)\.(\d+)", version)
    return numbers is not None and (int(numbers[1]), int(numbers[2])) >= _REQUIRED_VERSION
