"""Submission logic shared by POST /sweeps and POST /runs: idempotency keys and dry runs."""

import hashlib
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Depends, Header, Query, Request, Response
from pydantic import BaseModel

from api.dependencies import AccessDep, ContextDep, StateDep
from api.http.root_path import ModelResponse, route_path
from api.http.validation import invalid_field
from api.state import AppState
from api.sweeps.store import RequestContext
from api.sweeps.supported_configs import MAX_MULTIPLY_ADDS, MAX_PARAMETERS, UnsupportedConfigError
from noisesweep.models import Run, Sweep, SweepRequest
from shared.store.keys import keyed_sweep_id, new_sweep_id

# Seconds after which a client should first poll a new sweep.
POLL_AFTER = {"Retry-After": "2"}


class Submission:
    """Request that submits a sweep. It is safe to repeat if it has an idempotency key.

    The key determines the id of the sweep, so a repeated request finds the sweep that it has created before.
    """

    def __init__(self, path: str, state: AppState, context: RequestContext, key: str | None, *, dry_run: bool) -> None:
        self._path = path
        self._sweeps = state.sweeps
        self._context = context
        self._sweep_id = new_sweep_id() if key is None else keyed_sweep_id(context.key, key)
        self._dry_run = dry_run

    async def answer(
        self, request: BaseModel, sweep: SweepRequest, read: Callable[[str], Awaitable[Sweep | Run]]
    ) -> Response:
        """Submit a sweep and return the answer 202 with the new resource, or with the one of a repeated request.

        A dry run returns 200 with an estimate. It fails if the submission would fail.

        Args:
            request: The request of the client.
            sweep: The sweep that the request describes.
            read: Returns the resource for a sweep id.
        """
        sweep = await self._complete(sweep)
        if self._dry_run:
            estimated = await self._sweeps.estimate(sweep, self._context.caller)
            return Response(estimated.model_dump_json(), media_type="application/json")
        # Exclude defaults, so that a later version with more fields computes the same fingerprint.
        content = f"{self._path} {request.model_dump_json(exclude_defaults=True)}"
        fingerprint = hashlib.sha256(content.encode()).hexdigest()
        await self._sweeps.submit(self._sweep_id, sweep, fingerprint, self._context)
        resource = await read(self._sweep_id)
        return ModelResponse(resource, HTTPStatus.ACCEPTED, {"Location": resource.links.self, **POLL_AFTER})

    async def _complete(self, sweep: SweepRequest) -> SweepRequest:
        """Return the sweep with the content of its data set.

        Raises:
            RequestValidationError: Values are invalid that only the service can check, for example an unknown data set.
        """
        try:
            return await self._sweeps.complete(sweep)
        except UnsupportedConfigError as error:
            raise invalid_field(error.detail, error.received, "body", error.field) from error


def add_limits(schemas: dict[str, Any]) -> None:
    """Add the limits of networks, which the wire models do not know, to the OpenAPI schemas."""
    for name in ("SweepRequest", "RunRequest"):
        fields = schemas[name]["properties"]
        fields["model"]["description"] += (
            f" The service accepts up to {MAX_PARAMETERS:,} parameters and {MAX_MULTIPLY_ADDS:,} multiply-adds for an "
            "image."
        )


async def _submission(
    *,
    request: Request,
    state: StateDep,
    access: AccessDep,
    context: ContextDep,
    idempotency_key: Annotated[
        str | None,
        Header(
            min_length=1,
            max_length=255,
            pattern=r"^[!-~]([ -~]*[!-~])?$",  # HTTP strips surrounding whitespace
            description="Makes the request safe to repeat: while the sweep is stored, the same key returns this sweep.",
        ),
    ] = None,
    dry_run: Annotated[bool, Query(description="Store nothing, and answer 200 with an estimate of the cost.")] = False,
) -> Submission:
    access.check_submission()
    return Submission(route_path(request.scope), state, context, idempotency_key, dry_run=dry_run)


SubmissionDep = Annotated[Submission, Depends(_submission)]
