"""/quota and /quotas: limits of roles and API keys, and what the key of the request uses of its own."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path

from api.dependencies import AccessDep, QuotasDep
from api.http.problems import problem_responses
from api.routes.responses import CREATION
from noisesweep.models import Holder, Quota, QuotaLimits, QuotaList, Role, Usage

router = APIRouter(tags=["keys"])
HolderPath = Annotated[Holder, Path()]


@router.get("/quota")
async def get_usage(access: AccessDep, quotas: QuotasDep) -> Usage:
    """Return the limits of the request's API key, and what it uses of them."""
    return await quotas.usage(access.caller)


@router.get("/quotas")
async def list_quotas(access: AccessDep, quotas: QuotasDep) -> QuotaList:
    """List the quotas of roles and keys, for an instructor or an administrator."""
    access.check_role(Role.ADMIN, Role.INSTRUCTOR)
    return await quotas.list_all()


@router.put("/quotas/{holder}", responses=CREATION)
async def set_quota(holder: HolderPath, limits: QuotaLimits, access: AccessDep, quotas: QuotasDep) -> Quota:
    """Set the limits of a role or a key, for an instructor or an administrator.

    They replace earlier ones of this holder and apply to the next submissions. Queued runs stay queued.
    """
    access.check_role(Role.ADMIN, Role.INSTRUCTOR)
    return await quotas.set(holder, limits, access.caller.name)


@router.delete(
    "/quotas/{holder}",
    status_code=HTTPStatus.NO_CONTENT,
    responses=problem_responses(HTTPStatus.NOT_FOUND),
)
async def remove_quota(holder: HolderPath, access: AccessDep, quotas: QuotasDep) -> None:
    """Remove the limits of a role or a key, for an instructor or an administrator."""
    access.check_role(Role.ADMIN, Role.INSTRUCTOR)
    await quotas.remove(holder)
