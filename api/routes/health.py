"""/healthz and /readyz: is the process up, and can it serve."""

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from api.dependencies import StoreDep
from api.routes.responses import STORED

router = APIRouter(tags=["health"])


class Health(BaseModel):
    """All is well; anything else is a problem document."""

    status: Literal["ok"] = Field(default="ok", description="Always so; trouble has another status code.")


@router.get("/healthz")
async def healthz() -> Health:
    """The process is up."""
    return Health()


@router.get("/readyz", responses=STORED)
async def readyz(store: StoreDep) -> Health:
    """Redis answers; 503 while it does not."""
    await store.ping()
    return Health()
