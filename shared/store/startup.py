"""Check of the store when a process starts."""

import sys
from contextlib import closing, suppress

from redis.exceptions import RedisError

from shared.settings import Settings
from shared.store import connections
from shared.store.version import UnsupportedStoreError


def exit_if_unsupported(settings: Settings, program: str) -> None:
    """Exit with one line if the store is too old. Do nothing if it does not respond, because it may start later."""
    with (
        closing(connections.sync_client(settings, socket_connect_timeout=1, socket_timeout=2)) as redis,
        suppress(RedisError),
    ):
        try:
            redis.ping()
        except UnsupportedStoreError as error:
            sys.exit(f"{program}: {error}")
