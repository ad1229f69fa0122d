"""The application: clients born in its lifespan, routes, problems."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.middleware.trustedhost import TrustedHostMiddleware
from fastapi.responses import RedirectResponse
from fastapi_offline import FastAPIOffline

from api import conditional, problems
from api.events import Tail
from api.queue import RunQueue
from api.routes import datasets, events, health, queue, runs, sweeps
from api.routes import problems as problem_pages
from api.store import Store
from shared import __version__
from shared.queue import celery_app
from shared.settings import Settings

DESCRIPTION = """\
How does a digit classifier fare as noise grows? Post a list of noise scales; one network is trained for each on
noisy images, and every epoch's metrics and the picture come back.

All durations are in seconds, all times in UTC. Errors are problem documents (RFC 9457).
"""


def create_app(settings: Settings) -> FastAPI:
    """Build the API. It starts, and answers /healthz, whether or not Redis is there."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        store, celery = Store(settings), celery_app(settings)
        app.state.store, app.state.queue = store, RunQueue(store, celery, settings.max_queued_runs)
        app.state.tail = Tail(settings, store)
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
        responses=problems.EVERYWHERE,
    )
    if settings.serves_loopback_only:
        # Else any web page could drive this API from its user's browser, under a name that resolves to loopback.
        app.add_middleware(TrustedHostMiddleware, allowed_hosts=["localhost", "127.0.0.1", "[::1]"])
    for routes in (sweeps, runs, events, queue, datasets, health, problem_pages):
        app.include_router(routes.router)
    app.add_api_route("/", lambda: RedirectResponse("/docs"), include_in_schema=False)
    problems.install(app)
    conditional.install(app)
    return app
