"""/workers: who is there, on what device, doing what."""

from fastapi import APIRouter

from api.dependencies import StoreDep
from noisesweep.models import WorkerList

router = APIRouter(prefix="/workers", tags=["workers"])


@router.get("")
async def list_workers(store: StoreDep) -> WorkerList:
    """The workers that live, and those that were lost in the last hour."""
    return WorkerList(workers=await store.workers.listed())
