"""/workers: workers, their devices and their current runs."""

from fastapi import APIRouter

from api.dependencies import AccessDep, StoreDep
from noisesweep.models import WorkerList

router = APIRouter(prefix="/workers", tags=["workers"])


@router.get("")
async def list_workers(store: StoreDep, access: AccessDep) -> WorkerList:
    """List live workers and those lost in the last hour."""
    return WorkerList(workers=await store.workers.list_all(access.may_see))
