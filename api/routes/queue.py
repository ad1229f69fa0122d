"""/queue: queue statistics."""

from fastapi import APIRouter

from api.dependencies import SweepsDep
from noisesweep.models import Queue

router = APIRouter(prefix="/queue", tags=["queue"])


@router.get("")
async def get_queue(sweeps: SweepsDep) -> Queue:
    """Return the numbers of queued and running runs, the longest wait, and the runs ended per minute."""
    return await sweeps.stats.queue()
