"""`python -m worker.health`: whether the worker of this host, or container, lives. Exits with 1 and says why if not."""

import socket
import sys
from contextlib import closing
from typing import cast

from redis import Redis
from redis.exceptions import RedisError

from shared.settings import Settings
from shared.store import connections
from shared.store.clock import server_time
from shared.store.heartbeat import ALIVE_SECONDS
from shared.store.keys import WORKERS


def fault(redis: Redis, host: str) -> str | None:
    """Return what is wrong with the host's worker according to the store; None if nothing is."""
    try:
        now = server_time(redis)
        seen = cast("list[tuple[str, float]]", redis.zrange(WORKERS, 0, -1, withscores=True))
    except RedisError as error:
        return f"The store does not answer: {error}"
    signs = [at for name, at in seen if name.endswith(f"@{host}")]
    if not signs:
        return f"No worker of {host} has given a sign of life."
    silence = (now - max(signs)) / 1_000_000
    return f"The worker of {host} has given no sign of life for {silence:.0f} s." if silence > ALIVE_SECONDS else None


def main() -> None:
    """Check the worker and exit."""
    with closing(connections.blocking(Settings(), socket_connect_timeout=2, socket_timeout=2)) as redis:
        sys.exit(fault(redis, socket.gethostname()))


if __name__ == "__main__":
    main()
