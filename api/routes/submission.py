"""Submission logic shared by POST /sweeps and POST /runs: idempotency keys and dry runs."""

from collections.abc import Awaitable, Callable
from functools import partial
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Depends, Header, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel

from api.dependencies import ContextDep, StateDep
from api.http.idempotency import Answer, Idempotency
from api.state import AppState
from api.sweeps.store import RequestContext
from api.sweeps.supported_configs import MAX_PARAMETERS, UnsupportedConfigError, check_config
from noisesweep.models import SweepRequest
from shared.datasets import DatasetName
from shared.store.keys import idempotency, new_sweep_id

# Seconds after which a client should first poll a new sweep.
POLL_AFTER = {"Retry-After": "2"}


class Submission:
    """Request that submits a sweep. It is safe to repeat if it has an idempotency key."""

    def __init__(self, path: str, state: AppState, context: RequestContext, key: str | None, *, dry_run: bool) -> None:
        self._path = path
        self._sweeps = state.sweeps
        self._context = context
        self._idempotency = Idempotency(state.store.redis, partial(idempotency, context.key), new_sweep_id)
        self._key = key
        self._dry_run = dry_run

    async def answer(
        self, request: BaseModel, sweep: SweepRequest, read: Callable[[str], Awaitable[Answer]]
    ) -> Response:
        """Submit a sweep and return the answer 202; a repeated request returns the stored answer of its key.

        A dry run returns 200 with an estimate. It fails if the submission would fail.

        Args:
            request: The request of the client.
            sweep: The sweep that the request describes.
            read: Returns the answer for a sweep id.
        """
        _raise_if_unsupported(sweep)
        if self._dry_run:
            estimated = await self._sweeps.estimate(sweep, self._context.key)
            return Response(estimated.model_dump_json(), media_type="application/json")

        async def submit(sweep_id: str) -> Answer:
            await self._sweeps.submit(sweep_id, sweep, self._context)
            return await read(sweep_id)

        if self._key is None:
            answer = await submit(new_sweep_id())
        else:
            # Exclude defaults, so that a later version with more fields computes the same fingerprint.
            content = f"{self._path} {request.model_dump_json(exclude_defaults=True)}".encode()
            answer = await self._idempotency.answer(self._key, content, submit)
        headers = {"Location": answer.location, **POLL_AFTER}
        return Response(answer.body, HTTPStatus.ACCEPTED, headers, "application/json")


def _raise_if_unsupported(sweep: SweepRequest) -> None:
    """Raise RequestValidationError for values that only the service can check, for example an unknown data set."""
    try:
        check_config(sweep)
    except UnsupportedConfigError as error:
        fault = {"type": "value_error", "loc": ("body", error.field), "msg": error.detail, "input": error.received}
        raise RequestValidationError([fault]) from error


def add_catalogue(schemas: dict[str, Any]) -> None:
    """Add the names of data sets and the parameter limit, which the wire models do not know, to the OpenAPI schemas."""
    for name in ("SweepRequest", "RunRequest"):
        fields = schemas[name]["properties"]
        fields["dataset"]["enum"] = list(DatasetName)
        fields["hidden_units"]["description"] += f" The limit is {MAX_PARAMETERS:,}."


async def _submission(
    *,
    request: Request,
    state: StateDep,
    context: ContextDep,
    idempotency_key: Annotated[
        str | None,
        Header(
            min_length=1,
            max_length=255,
            pattern=r"^[!-~]([ -~]*[!-~])?$",  # HTTP strips surrounding whitespace
            description="Makes the request safe to repeat: for 24 hours the same key returns the same answer.",
        ),
    ] = None,
    dry_run: Annotated[bool, Query(description="Store nothing, and answer 200 with an estimate of the cost.")] = False,
) -> Submission:
    return Submission(request.url.path, state, context, idempotency_key, dry_run=dry_run)


SubmissionDep = Annotated[Submission, Depends(_submission)]
