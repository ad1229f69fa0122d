"""/queue: how long is the wait."""

from fastapi import APIRouter

from api.dependencies import SweepsDep
from noisesweep.models import Queue

router = APIRouter(prefix="/queue", tags=["queue"])


@router.get("")
async def get_queue(sweeps: SweepsDep) -> Queue:
    """How many runs wait and train, since when the oldest waits, and how fast runs end."""
    return await sweeps.stats.queue()
