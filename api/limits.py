"""Limits and cache times of one API process, and the limits of a caller in the store."""

from dataclasses import dataclass

from noisesweep.models import Caller
from shared.settings import Settings
from shared.store.functions import Argument


@dataclass(frozen=True)
class Limits:
    """Limits of one API process. Tests use smaller ones.

    Attributes:
        connections: Maximum number of open connections. Further ones are closed immediately.
        write_seconds: Maximum time in which a client reads nothing of an answer. Then its connection is closed.
        answer_bytes: Maximum number of bytes of large answers that clients have not received yet.
        answer_bytes_per_key: The same for one API key.
        head_bytes: Maximum size of the request line and headers.
        head_seconds: Maximum time until the headers of a request are complete.
        body_bytes: Maximum size of a request body. Valid requests are much smaller.
        body_seconds: Maximum time until a request body is complete.
        upload_seconds: The same for an uploaded data set.
        uploads_waiting: Maximum number of requests that wait to upload a data set, one after another.
        uploads_waiting_per_key: The same with one API key.
        streams: Maximum number of open event streams.
        streams_per_key: Maximum number of open event streams of one API key. Without keys, only `streams` applies.
        stream_backlog: Maximum number of events buffered for one subscriber. A slower subscriber reads from the store.
        keepalive_seconds: Time without events after which a stream sends a comment.
        pictures_waiting: Maximum number of requests that wait for a picture or a noise preview.
        pictures_waiting_per_key: The same with one API key.
        plot_data_waiting: Maximum number of requests that wait for the data of a plot, which is much faster.
        plot_data_waiting_per_key: The same with one API key.
        events_page: Maximum number of events in one JSON page.
        sweeps_searched: Maximum number of sweeps that one filtered listing request reads.
        class_searched: Approximate maximum number of sweeps that are searched for the tag of a class.
        class_sweeps: Maximum number of sweeps of a class. Older ones are left out.
        class_runs: Maximum number of runs of these sweeps.
        liveness_seconds: Time for which the check for live workers is cached.
    """

    connections: int = 4000
    write_seconds: float = 20.0
    answer_bytes: int = 256 * 1024 * 1024
    answer_bytes_per_key: int = 128 * 1024 * 1024
    head_bytes: int = 32 * 1024
    head_seconds: float = 10.0
    body_bytes: int = 64 * 1024
    body_seconds: float = 10.0
    upload_seconds: float = 120.0
    uploads_waiting: int = 16
    uploads_waiting_per_key: int = 4
    streams: int = 1000
    streams_per_key: int = 200
    stream_backlog: int = 1000
    keepalive_seconds: float = 15.0
    pictures_waiting: int = 128
    pictures_waiting_per_key: int = 32
    plot_data_waiting: int = 1024
    plot_data_waiting_per_key: int = 256
    events_page: int = 1000
    sweeps_searched: int = 500
    class_searched: int = 20_000
    class_sweeps: int = 500
    class_runs: int = 10_000
    liveness_seconds: float = 1.0


def limits_for(settings: Settings, caller: Caller) -> dict[str, Argument]:
    """Return the limits of a caller, as arguments of the store's functions that add runs or bytes.

    The functions themselves replace limits of the settings by quotas (api/keys/quotas.py).
    """
    limits: dict[str, Argument] = {
        "submitter": caller.name,
        "role": caller.role,
        "max_queued_runs": settings.max_queued_runs,
        "max_queued_runs_per_key": settings.max_queued_runs_per_key,
        "max_stored_bytes": settings.max_stored_bytes,
    }
    if settings.max_core_seconds_per_day is not None:
        limits["max_core_seconds_per_day"] = settings.max_core_seconds_per_day
    return limits
