"""The application: clients born in its lifespan, routes, problems."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Depends, FastAPI
from fastapi.middleware.cors import CORSMiddleware
from fastapi_offline import FastAPIOffline
from prometheus_client import CollectorRegistry

from api.http import conditional, openapi, problems
from api.http.auth import Access
from api.http.security import Protection
from api.http.telemetry import REQUEST_ID, Telemetry
from api.plots.dataset_cache import Library
from api.routes import datasets, events, health, metrics, noise, plots, queue, results, runs, sweeps, ui, workers
from api.routes import problems as problem_pages
from api.sweeps.events import Tail
from api.sweeps.service import RunQueue
from api.sweeps.store import Store
from noisesweep import __version__
from shared.settings import Settings
from shared.store.queue import celery_app

DESCRIPTION = """\
How does a digit classifier fare as noise grows? Post a list of noise scales; one network is trained for each on
noisy images, and every epoch's metrics and the picture come back.

All durations are in seconds, all times in UTC. Errors are problem documents (RFC 9457).
"""

LOOPBACK = ["localhost", "127.0.0.1", "::1"]


def create_app(settings: Settings) -> FastAPI:
    """Build the API. It starts, and answers /healthz, whether or not Redis is there."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        store, celery = Store(settings), celery_app(settings)
        app.state.store, app.state.queue = store, RunQueue(store, celery, settings)
        app.state.tail, app.state.library = Tail(settings, store), Library(settings.data_dir)
        yield
        await app.state.tail.close()
        celery.close()
        await store.close()

    # The offline variant serves the scripts of /docs itself: they are to work without the internet.
    app = FastAPIOffline(
        title="noisesweep",
        description=DESCRIPTION,
        version=__version__,
        lifespan=lifespan,
        generate_unique_id_function=lambda route: route.name,
    )
    problems.install(app)
    app.state.registry = CollectorRegistry()
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["*"],
            allow_headers=["*"],
            expose_headers=["ETag", "Location", "Preference-Applied", "Retry-After", REQUEST_ID],
        )
    # Else any web page could drive a service without keys from its user's browser, under a name that leads to loopback.
    app.add_middleware(Protection, hosts=settings.allowed_hosts or (LOOPBACK if settings.serves_loopback_only else []))
    app.add_middleware(Telemetry, registry=app.state.registry)
    keys = [Depends(Access(settings.api_keys))] if settings.api_keys else []
    refused = problems.REFUSED if keys else {}
    for routes in (sweeps, results, plots, runs, events, queue, workers, metrics):
        app.include_router(routes.router, dependencies=keys, responses=problems.STORED | refused)
    for routes in (datasets, noise):
        app.include_router(routes.router, dependencies=keys, responses=refused)
    for routes in (health, problem_pages, ui):
        app.include_router(routes.router)
    conditional.install(app)
    openapi.install(app)
    return app
