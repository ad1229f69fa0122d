"""/queue: the state of the queue, and where the sweeps of the request's API key stand."""

from fastapi import APIRouter, Response

from api.dependencies import AccessDep, SweepsDep
from api.http.root_path import ModelResponse
from noisesweep.models import Queue

router = APIRouter(prefix="/queue", tags=["queue"])


@router.get("", response_model=Queue)
async def get_queue(sweeps: SweepsDep, access: AccessDep) -> Response:
    """Return the numbers of queued and running runs, and when your own queued sweeps are expected to start."""
    return ModelResponse(await sweeps.queue(access.caller.name))
