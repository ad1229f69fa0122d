"""Health check `python -m worker.health`: exit with 1 and a reason if no worker of this host or container is alive."""

import socket
import sys
from contextlib import closing
from typing import cast

from redis import Redis
from redis.exceptions import RedisError

from shared.settings import Settings
from shared.store import connections
from shared.store.clock import server_time
from shared.store.handshake import UnsupportedStoreError
from shared.store.heartbeat import ALIVE_SECONDS
from shared.store.keys import WORKERS


def find_problem(redis: Redis, host: str) -> str | None:
    """Return a description of the problem with the host's worker; None if the store has a recent heartbeat of it."""
    try:
        now = server_time(redis)
        seen = cast("list[tuple[str, float]]", redis.zrange(WORKERS, 0, -1, withscores=True))
    except UnsupportedStoreError as error:
        return str(error)
    except RedisError as error:
        return f"The store does not answer: {error}"
    heartbeats = [at for name, at in seen if name.endswith(f"@{host}")]
    if not heartbeats:
        return f"No worker on {host} has sent a heartbeat."
    age = (now - max(heartbeats)) / 1_000_000
    return f"The worker on {host} has not sent a heartbeat for {age:.0f} s." if age > ALIVE_SECONDS else None


def main() -> None:
    """Check the worker of this host and exit."""
    with closing(connections.sync_client(Settings(), socket_connect_timeout=2, socket_timeout=2)) as redis:
        sys.exit(find_problem(redis, socket.gethostname()))


if __name__ == "__main__":
    main()
