"""Limit of open files of the process, and the limits of connections and event streams that follow from it."""

import logging
import resource
from contextlib import suppress
from dataclasses import replace

from api.limits import Limits
from shared.store.connections import MAX_CONNECTIONS

logger = logging.getLogger(__name__)

# Open files besides the connections of clients: connections to the store, connections that are accepted only to be
# closed, sockets that listen, libraries, data sets and logs.
RESERVED = MAX_CONNECTIONS + 100


def fit_open_files(limits: Limits) -> Limits:
    """Return the limits, lowered to those that the limit of open files allows. Raise its soft value first if possible.

    Without this, the process could run out of open files. It could then not accept connections any more.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = limits.connections + RESERVED
    if soft != resource.RLIM_INFINITY and soft < wanted:
        target = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        with suppress(OSError, ValueError):  # macOS has one more limit, which is lower than an unlimited hard value
            resource.setrlimit(resource.RLIMIT_NOFILE, (target, hard))
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return limits
    connections = soft - min(RESERVED, soft // 2)
    # Half of the connections stay free for other requests.
    lowered = replace(limits, connections=connections, streams=min(limits.streams, connections // 2))
    logger.warning(
        "The limit of open files is %d (ulimit -n). At most %d connections and %d event streams are accepted, instead "
        "of %d and %d. Raise the hard limit to at least %d.",
        soft,
        lowered.connections,
        lowered.streams,
        limits.connections,
        limits.streams,
        wanted,
    )
    return lowered
