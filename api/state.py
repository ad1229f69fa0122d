"""Typed application state, created in the lifespan."""

from dataclasses import dataclass
from typing import TypedDict

from prometheus_client import CollectorRegistry

from api.datasets.cache import DatasetCache
from api.datasets.store import DatasetStore
from api.http.pieces import Pieces
from api.http.shared_work import SharedWork
from api.http.turns import Turns
from api.keys.callers import Callers
from api.keys.quotas import QuotaStore
from api.keys.shares import ShareStore
from api.keys.store import KeyStore
from api.limits import Limits
from api.sweeps.events import EventBroadcaster
from api.sweeps.service import SweepService
from api.sweeps.store import Store
from shared.settings import Visibility


@dataclass(frozen=True)
class AppState:
    """Objects shared by all requests.

    Attributes:
        limits: Limits of this process.
        store: The store.
        sweeps: Operations on sweeps and runs.
        callers: Finder of who presents an API key or a share link.
        shares: Share links.
        keys: Operations on API keys.
        quotas: Quotas of roles and keys.
        visibility: Whose sweeps members and viewers see.
        events: The event streams.
        datasets: The data sets.
        arrays: Arrays of data sets, for plots and noise previews.
        uploads: Turns at uploading a data set.
        pictures: Turns at drawing pictures and computing noise previews.
        plot_data: Turns at computing the data of plots.
        shared_work: Results of this work, by ETag.
        pieces: Large answers in pieces.
        registry: Metrics of this process.
    """

    limits: Limits
    store: Store
    sweeps: SweepService
    callers: Callers
    shares: ShareStore
    keys: KeyStore
    quotas: QuotaStore
    visibility: Visibility
    events: EventBroadcaster
    datasets: DatasetStore
    arrays: DatasetCache
    uploads: Turns
    pictures: Turns
    plot_data: Turns
    shared_work: SharedWork
    pieces: Pieces
    registry: CollectorRegistry


class LifespanState(TypedDict):
    """Lifespan state. Starlette copies it to `request.state` for each request."""

    app_state: AppState
