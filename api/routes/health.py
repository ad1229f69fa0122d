"""/healthz (liveness) and /readyz (readiness)."""

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from api.dependencies import StoreDep
from api.routes.responses import STORE_UNAVAILABLE

router = APIRouter(tags=["health"])


class Health(BaseModel):
    """Answer of a healthy service. An unhealthy one answers with a problem document."""

    status: Literal["ok"] = Field(default="ok", description="Always ok; errors have another status code.")


@router.get("/healthz")
async def check_health() -> Health:
    """Check that the process is running."""
    return Health()


@router.get("/readyz", responses=STORE_UNAVAILABLE)
async def check_readiness(store: StoreDep) -> Health:
    """Check that Redis responds. The answer is 503 while it does not."""
    await store.ping()
    return Health()
