"""/queue: how long is the wait."""

from fastapi import APIRouter

from api.dependencies import SweepsDep
from noisesweep.models import Queue

router = APIRouter(prefix="/queue", tags=["queue"])


@router.get("")
async def get_queue(sweeps: SweepsDep) -> Queue:
    """Queue statistics: waiting and running runs, the oldest waiting run, and runs ended per minute."""
    return await sweeps.stats.queue()
