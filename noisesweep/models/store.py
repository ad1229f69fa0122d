"""Required version of the store, and the exit code of the services for a store that is too old."""

import re

REQUIRED_STORE = "Redis 7.0 or newer, or Valkey"
_REQUIRED_VERSION = (7, 0)
# Exit code of the API and of workers if the store contains sweeps of an older version.
OLD_SWEEPS_EXIT_CODE = 3


def is_supported_store(version: str) -> bool:
    """Return whether a version of Redis or Valkey, for example "7.0.15", is supported.

    Older versions have no functions. All versions of Valkey are supported, because its first one is 7.2.
    """
    numbers = re.match(r"(\d+)\.(\d+)", version)
    return numbers is not None and (int(numbers[1]), int(numbers[2])) >= _REQUIRED_VERSION
