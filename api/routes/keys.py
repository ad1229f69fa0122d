"""/keys and /whoami: API keys, and the key of the request."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path

from api.dependencies import AccessDep, KeysDep
from api.http.problems import problem_responses
from api.routes.responses import CREATION
from noisesweep.models import Caller, CreatedKey, KeyList, KeyName, KeyRequest, Role

router = APIRouter(tags=["keys"])
REFUSED = problem_responses(HTTPStatus.FORBIDDEN)


@router.get("/whoami")
async def get_caller(access: AccessDep) -> Caller:
    """Return the name and role of the request's API key. Without keys, everybody has the role admin."""
    return access.caller


@router.get("/keys", responses=REFUSED)
async def list_keys(access: AccessDep, keys: KeysDep) -> KeyList:
    """List the API keys, for an instructor or an administrator."""
    access.check_role(Role.ADMIN, Role.INSTRUCTOR)
    return await keys.list_all()


@router.post(
    "/keys",
    status_code=HTTPStatus.CREATED,
    responses=CREATION,
)
async def create_key(request: KeyRequest, access: AccessDep, keys: KeysDep) -> CreatedKey:
    """Create an API key, for an administrator. Only this answer contains the key: the service stores its hash."""
    access.check_role(Role.ADMIN)
    return await keys.create(request, access.caller.name)


@router.delete(
    "/keys/{name}",
    status_code=HTTPStatus.NO_CONTENT,
    responses=REFUSED | problem_responses(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def revoke_key(
    name: Annotated[KeyName, Path(description="Name of the key.")], access: AccessDep, keys: KeysDep
) -> None:
    """Revoke an API key, for an administrator. Every process refuses it within two seconds. Its sweeps remain."""
    access.check_role(Role.ADMIN)
    await keys.revoke(name)
