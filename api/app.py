"""Application factory: state, middleware, routes and problem types."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import Depends, FastAPI
from fastapi_offline import FastAPIOffline
from prometheus_client import CollectorRegistry

from api import document
from api.datasets.cache import DatasetCache
from api.datasets.files import MAX_BYTES
from api.datasets.store import DatasetStore
from api.dependencies import check_key, find_caller
from api.errors import PROBLEM_TYPE_BY_ERROR, problem_type_of
from api.http import conditional, openapi, pages, turns
from api.http import problems as problem_documents
from api.http.answers import BoundedAnswers
from api.http.auth import Auth
from api.http.cors import Cors
from api.http.declared import accept_only_declared
from api.http.head import HeadRequests
from api.http.pieces import Pieces
from api.http.proxies import Proxies
from api.http.security import BodyLimit, Security
from api.http.shared_work import SharedWork
from api.http.telemetry import Telemetry
from api.http.turns import Turns
from api.keys.callers import Callers
from api.keys.keyring import Keyring
from api.keys.quotas import QuotaStore
from api.keys.shares import ShareStore
from api.keys.store import KeyStore
from api.limits import Limits
from api.routes import (
    classes,
    compare,
    datasets,
    events,
    health,
    keys,
    metrics,
    noise,
    plots,
    problems,
    queue,
    quotas,
    results,
    runs,
    shares,
    sweeps,
    transfer,
    ui,
    workers,
)
from api.routes.responses import FORBIDDEN, STORE_UNAVAILABLE, TOO_BUSY, UNAUTHORIZED, UNKNOWN_PARAMETER
from api.routes.submission import add_limits
from api.state import AppState, LifespanState
from api.sweeps.events import EventBroadcaster
from api.sweeps.service import SweepService
from api.sweeps.store import Store
from noisesweep import __version__
from noisesweep.models import EventList
from shared.settings import Settings
from shared.store.queue import celery_app

# Built by `make docs`.
GUIDE = Path(__file__).parent / "guide"

LOOPBACK = ["localhost", "127.0.0.1", "::1"]


def create_app(settings: Settings, limits: Limits, guide: Path = GUIDE) -> FastAPI:
    """Return the API application. It starts and serves /healthz even while Redis is unavailable.

    Args:
        settings: Settings of the process, from its environment.
        limits: Limits of the process.
        guide: Folder with the built documentation, served at /guide/ if it exists.
    """
    registry = CollectorRegistry()

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[LifespanState]:
        store, celery = Store(settings, limits), celery_app(settings)
        keyring, data = Keyring(store.redis, settings), DatasetStore(store.redis, settings)
        shares = ShareStore(store.redis, settings)
        callers = Callers(keyring, shares)
        broadcaster = EventBroadcaster(settings, store, limits, callers.is_valid)
        yield {
            "app_state": AppState(
                limits=limits,
                store=store,
                sweeps=SweepService(store, data, celery, settings),
                callers=callers,
                shares=shares,
                keys=KeyStore(store.redis, keyring),
                quotas=QuotaStore(store.redis, settings),
                visibility=settings.visibility,
                events=broadcaster,
                datasets=data,
                arrays=DatasetCache(settings.data_dir, data.arrays),
                uploads=Turns(1, limits.uploads_waiting, limits.uploads_waiting_per_key),
                pictures=Turns(1, limits.pictures_waiting, limits.pictures_waiting_per_key),
                plot_data=Turns(1, limits.plot_data_waiting, limits.plot_data_waiting_per_key),
                shared_work=SharedWork(),
                pieces=Pieces(),
                registry=registry,
            )
        }
        await broadcaster.close()
        celery.close()
        await store.close()

    # FastAPIOffline serves the script of /redoc itself, so that it works without internet access.
    app = FastAPIOffline(
        docs_url=None,
        title="noisesweep",
        description=document.DESCRIPTION + (document.GUIDE_LINK if guide.is_dir() else ""),
        version=__version__,
        license_info=document.LICENCE,
        contact=document.CONTACT,
        openapi_tags=document.TAGS,
        lifespan=lifespan,
        redirect_slashes=False,  # its redirects are absolute, and behind a proxy they lead from https to http
        generate_unique_id_function=lambda route: route.name,
    )
    pages.replace_static_files(app)
    problem_documents.install(app, PROBLEM_TYPE_BY_ERROR, problem_type_of)
    ui.answer_unknown_pages(app)
    app.add_middleware(HeadRequests)
    conditional.install(app)
    turns.install(app)
    _add_middleware(app, settings, limits, registry)
    _add_routes(app, settings)
    if guide.is_dir():
        pages.mount(app, "/guide", pages.Pages(directory=guide, html=True))
    openapi.install(app, [EventList], add_limits)
    return app


def _add_middleware(app: FastAPI, settings: Settings, limits: Limits, registry: CollectorRegistry) -> None:
    app.add_middleware(BoundedAnswers, max_bytes=limits.answer_bytes, max_bytes_per_key=limits.answer_bytes_per_key)
    if settings.cors_origins:
        app.add_middleware(Cors, origins=settings.cors_origins)
    # Protection against DNS rebinding: an attacker can make the host name of a web page resolve to 127.0.0.1. If all
    # hosts were allowed, scripts of this page could use a service without keys from the browser of a visitor.
    hosts = settings.allowed_hosts or ([*LOOPBACK, settings.host] if settings.serves_loopback_only else [])
    app.add_middleware(
        Security,
        hosts=hosts,
        origins=settings.cors_origins,
        body=BodyLimit(limits.body_bytes, limits.body_seconds),
        uploads={"/datasets": BodyLimit(MAX_BYTES, limits.upload_seconds)},
    )
    if settings.root_path or settings.trusted_proxies:
        app.add_middleware(Proxies, root_path=settings.root_path, trusted=settings.trusted_proxies)
    app.add_middleware(Telemetry, registry=registry)


def _add_routes(app: FastAPI, settings: Settings) -> None:
    auth = [Depends(Auth(find_caller))] if settings.api_keys else []
    protected = [*auth, Depends(accept_only_declared)]
    unauthorized = UNAUTHORIZED if auth else {}
    stored = STORE_UNAVAILABLE | UNKNOWN_PARAMETER | unauthorized
    for routes in (sweeps, results, compare, plots, transfer, runs, events, shares, keys):
        app.include_router(routes.router, dependencies=protected, responses=stored)
    for routes in (classes, queue, quotas, workers, metrics):
        app.include_router(routes.router, dependencies=[*protected, Depends(check_key)], responses=stored | FORBIDDEN)
    app.include_router(datasets.router, dependencies=protected, responses=UNKNOWN_PARAMETER | unauthorized)
    app.include_router(noise.router, dependencies=protected, responses=TOO_BUSY | UNKNOWN_PARAMETER | unauthorized)
    for routes in (health, problems):
        app.include_router(routes.router, dependencies=[Depends(accept_only_declared)], responses=UNKNOWN_PARAMETER)
    app.include_router(ui.router)
