"""`python -m worker.health`: whether the worker of this host, or container, lives. Exits with 1 and says why if not."""

import socket
import sys
from contextlib import closing
from typing import cast

from redis import Redis
from redis.exceptions import RedisError

from shared.settings import Settings
from shared.store import connections
from shared.store.keys import WORKERS
from worker.presence import BEAT_SECONDS

# Two signs of life may fail to come.
SILENT_SECONDS = 3 * BEAT_SECONDS


def fault(redis: Redis, host: str) -> str | None:
    """What is wrong with the host's worker, as the store knows it; None if nothing is."""
    try:
        now, _ = redis.time()
        seen = cast("list[tuple[str, float]]", redis.zrange(WORKERS, 0, -1, withscores=True))
    except RedisError as error:
        return f"The store does not answer: {error}"
    signs = [at / 1_000_000 for name, at in seen if name.endswith(f"@{host}")]
    if not signs:
        return f"No worker of {host} has given a sign of life."
    silence = now - max(signs)
    return f"The worker of {host} has given no sign of life for {silence:.0f} s." if silence > SILENT_SECONDS else None


def main() -> None:
    """Look, and exit."""
    with closing(connections.blocking(Settings(), socket_connect_timeout=2, socket_timeout=2)) as redis:
        sys.exit(fault(redis, socket.gethostname()))


if __name__ == "__main__":
    main()
