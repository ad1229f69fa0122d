"""Check of the store when a process starts."""

import sys
from contextlib import closing, suppress

from redis.exceptions import RedisError

from noisesweep.models import OLD_SWEEPS_EXIT_CODE
from shared.settings import Settings
from shared.store import connections
from shared.store.functions import OldSweepsError
from shared.store.handshake import UnsupportedStoreError


def exit_if_unsupported(settings: Settings, program: str) -> None:
    """Exit with one line if this program cannot use the store, with OLD_SWEEPS_EXIT_CODE if its sweeps are too old.

    Do nothing if the store does not respond, because it may start later.
    """
    with (
        closing(connections.sync_client(settings, socket_connect_timeout=1, socket_timeout=2)) as redis,
        suppress(RedisError),
    ):
        try:
            redis.ping()
        except UnsupportedStoreError as error:
            sys.stderr.write(f"{program}: {error}\n")
            sys.exit(OLD_SWEEPS_EXIT_CODE if isinstance(error, OldSweepsError) else 1)
