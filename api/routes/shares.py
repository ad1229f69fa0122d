"""/sweeps/{id}/shares: links that show a sweep without an API key."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Response

from api.dependencies import AccessDep, OwnSweepDep, SharesDep
from api.http.problems import problem_responses
from api.http.root_path import ModelResponse
from api.routes.responses import CREATION
from noisesweep.models import CreatedShare, ShareList, ShareRequest

router = APIRouter(prefix="/sweeps/{sweep_id}/shares", tags=["sweeps"])
REFUSED = problem_responses(HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND)

ShareId = Annotated[str, Path(description="Id of the share link.", pattern="^[0-9a-f]{8}$", examples=["0f3c9a41"])]


@router.get("", responses=REFUSED)
async def list_shares(sweep: OwnSweepDep, shares: SharesDep) -> ShareList:
    """List the valid share links of a sweep, without their tokens."""
    return ShareList(shares=await shares.list_all(sweep.id))


@router.post(
    "",
    status_code=HTTPStatus.CREATED,
    response_model=CreatedShare,
    responses=CREATION | problem_responses(HTTPStatus.NOT_FOUND),
)
async def share_sweep(request: ShareRequest, sweep: OwnSweepDep, access: AccessDep, shares: SharesDep) -> Response:
    """Create a link that shows this sweep, and no other, to everybody who has it. Only this answer contains it."""
    share = await shares.create(sweep.id, request, access.caller.name)
    return ModelResponse(share, HTTPStatus.CREATED)


@router.delete(
    "/{share_id}",
    status_code=HTTPStatus.NO_CONTENT,
    responses=REFUSED | problem_responses(HTTPStatus.UNPROCESSABLE_ENTITY),
)
async def revoke_share(share_id: ShareId, sweep: OwnSweepDep, shares: SharesDep) -> None:
    """Revoke a share link. It stops working at once; an open page of it within two seconds."""
    await shares.revoke(sweep.id, share_id)
