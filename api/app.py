"""Application factory: state, middleware, routes and problem types."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import Depends, FastAPI
from fastapi.middleware.cors import CORSMiddleware
from fastapi.staticfiles import StaticFiles
from fastapi_offline import FastAPIOffline
from prometheus_client import CollectorRegistry

from api.errors import PROBLEM_TYPE_BY_ERROR, problem_type_of
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
from api.routes.responses import STORE_UNAVAILABLE, UNAUTHORIZED
from api.routes.submission import add_catalogue
from api.state import AppState, LifespanState
from api.sweeps.events import EventBroadcaster
from api.sweeps.service import SweepService
from api.sweeps.store import Store
from noisesweep import __version__
from noisesweep.models import EventList
from shared.settings import Settings
from shared.store.queue import celery_app

DESCRIPTION = """\
How does the accuracy of an image classifier change as noise grows? Submit a list of noise scales. The service trains
one network on noisy images for each scale, and returns plots and the metrics of every epoch.

All durations are in seconds, all times in UTC. Errors are problem documents (RFC 9457).
"""

# Added to the description if the documentation was built.
GUIDE_LINK = "\n[The guide](/guide/) contains a tutorial, how-to guides, and the definition of every figure.\n"
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

    # FastAPIOffline serves the scripts of /docs itself, so that /docs works without internet access.
    app = FastAPIOffline(
        title="noisesweep",
        description=DESCRIPTION + (GUIDE_LINK if guide.is_dir() else ""),
        version=__version__,
        lifespan=lifespan,
        generate_unique_id_function=lambda route: route.name,
    )
    problem_documents.install(app, PROBLEM_TYPE_BY_ERROR, problem_type_of)
    conditional.install(app)
    _add_middleware(app, settings, limits, registry)
    _add_routes(app, settings)
    if guide.is_dir():
        app.mount("/guide", StaticFiles(directory=guide, html=True), name="guide")
    openapi.install(app, [EventList], add_catalogue)
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
    # Protection against DNS rebinding: an attacker can make the host name of a web page resolve to 127.0.0.1. If all
    # hosts were allowed, scripts of this page could use a service without keys from the browser of a visitor.
    hosts = settings.allowed_hosts or (LOOPBACK if settings.serves_loopback_only else [])
    app.add_middleware(Security, hosts=hosts, body_bytes=limits.body_bytes, body_seconds=limits.body_seconds)
    app.add_middleware(Telemetry, registry=registry)


def _add_routes(app: FastAPI, settings: Settings) -> None:
    keys = [Depends(Auth(settings.api_keys))] if settings.api_keys else []
    unauthorized = UNAUTHORIZED if keys else {}
    for routes in (sweeps, results, plots, runs, events, queue, workers, metrics):
        app.include_router(routes.router, dependencies=keys, responses=STORE_UNAVAILABLE | unauthorized)
    for routes in (datasets, noise):
        app.include_router(routes.router, dependencies=keys, responses=unauthorized)
    for routes in (health, problems, ui):
        app.include_router(routes.router)
