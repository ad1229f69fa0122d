"""The application: its state, middleware, routes and problem types."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Depends, FastAPI
from fastapi.middleware.cors import CORSMiddleware
from fastapi_offline import FastAPIOffline
from prometheus_client import CollectorRegistry

from api.errors import TABLE, problem_type_of
from api.http import conditional, openapi
from api.http import problems as problem_documents
from api.http.auth import Auth
from api.http.security import Security
from api.http.telemetry import REQUEST_ID, Telemetry
from api.limits import Limits
from api.plots.dataset_cache import DatasetCache
from api.routes import (
    datasets,
    events,
    health,
    metrics,
    noise,
    plots,
    problems,
    queue,
    results,
    runs,
    sweeps,
    ui,
    workers,
)
from api.routes.responses import REFUSED, STORED
from api.routes.submission import describe_catalogue
from api.state import AppState, LifespanState
from api.sweeps.events import EventBroadcaster
from api.sweeps.service import SweepService
from api.sweeps.store import Store
from noisesweep import __version__
from noisesweep.models import EventList
from shared.settings import Settings
from shared.store.queue import celery_app

DESCRIPTION = """\
How does a digit classifier fare as noise grows? Post a list of noise scales; one network is trained for each on
noisy images, and every epoch's metrics and the picture come back.

All durations are in seconds, all times in UTC. Errors are problem documents (RFC 9457).
"""

LOOPBACK = ["localhost", "127.0.0.1", "::1"]


def create_app(settings: Settings, limits: Limits) -> FastAPI:
    """Return the API. It starts, and answers /healthz, whether or not Redis answers."""
    registry = CollectorRegistry()

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[LifespanState]:
        store, celery = Store(settings, limits), celery_app(settings)
        broadcaster = EventBroadcaster(settings, store, limits)
        yield {
            "app_state": AppState(
                limits=limits,
                store=store,
                sweeps=SweepService(store, celery, settings, limits),
                events=broadcaster,
                datasets=DatasetCache(settings.data_dir),
                registry=registry,
            )
        }
        await broadcaster.close()
        celery.close()
        await store.close()

    # The offline variant serves the scripts of /docs itself, so that they work without the internet.
    app = FastAPIOffline(
        title="noisesweep",
        description=DESCRIPTION,
        version=__version__,
        lifespan=lifespan,
        generate_unique_id_function=lambda route: route.name,
    )
    problem_documents.install(app, TABLE, problem_type_of)
    conditional.install(app)
    _add_middleware(app, settings, limits, registry)
    _add_routes(app, settings)
    openapi.install(app, [EventList], describe_catalogue)
    return app


def _add_middleware(app: FastAPI, settings: Settings, limits: Limits, registry: CollectorRegistry) -> None:
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["*"],
            allow_headers=["*"],
            expose_headers=["ETag", "Location", "Retry-After", REQUEST_ID],
        )
    # Without allowed hosts, any web page could use a service without keys through its visitor's browser, by a host name
    # that resolves to loopback.
    hosts = settings.allowed_hosts or (LOOPBACK if settings.serves_loopback_only else [])
    app.add_middleware(Security, hosts=hosts, body_bytes=limits.body_bytes, body_seconds=limits.body_seconds)
    app.add_middleware(Telemetry, registry=registry)


def _add_routes(app: FastAPI, settings: Settings) -> None:
    keys = [Depends(Auth(settings.api_keys))] if settings.api_keys else []
    refused = REFUSED if keys else {}
    for routes in (sweeps, results, plots, runs, events, queue, workers, metrics):
        app.include_router(routes.router, dependencies=keys, responses=STORED | refused)
    for routes in (datasets, noise):
        app.include_router(routes.router, dependencies=keys, responses=refused)
    for routes in (health, problems, ui):
        app.include_router(routes.router)
