"""Limits and cache times of one process of the API. Tests pass smaller ones."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """The limits of one process.

    Attributes:
        head_bytes: Size of a request's line and headers.
        head_seconds: Time until a request's headers are complete.
        body_bytes: Size of a request's body. No request that this service takes comes near it.
        body_seconds: Time until a request's body is complete.
        streams: Event streams open at a time.
        stream_backlog: Events that wait for a slow subscriber. One that is further behind reads on from the store.
        keepalive_seconds: Time without an event after which a stream sends a comment.
        events_page: Events in one page of JSON.
        sweeps_searched: Sweeps that one request reads in search of those that match its filters.
        count_seconds: Age of the count of queued runs from which it is counted again in the background.
        recount_seconds: Time for which a queue that was found full is assumed to be full.
        liveness_seconds: Time for which it is assumed whether any worker is alive.
    """

    head_bytes: int = 32 * 1024
    head_seconds: float = 10.0
    body_bytes: int = 64 * 1024
    body_seconds: float = 10.0
    streams: int = 1000
    stream_backlog: int = 1000
    keepalive_seconds: float = 15.0
    events_page: int = 1000
    sweeps_searched: int = 500
    count_seconds: float = 1.0
    recount_seconds: float = 0.1
    liveness_seconds: float = 1.0
