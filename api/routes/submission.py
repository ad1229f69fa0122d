"""Submission, shared by POST /sweeps and POST /runs: idempotency keys, dry runs, and the answer."""

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

# A submission is worth a look after this time.
POLL_AFTER = {"Retry-After": "2"}


class Submission:
    """One request that submits a sweep: safe to repeat if it has an idempotency key."""

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
        """Submit a sweep, or find the one that the key submitted before, and answer 202.

        A dry run answers 200 with an estimate; it is refused where the submission would be.

        Args:
            request: The client's request.
            sweep: The sweep that it stands for.
            read: Returns the answer for the sweep's id.
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
            # Without defaults, so that a program that knows more fields sees the same request.
            whole = f"{self._path} {request.model_dump_json(exclude_defaults=True)}".encode()
            answer = await self._idempotency.answer(self._key, whole, submit)
        headers = {"Location": answer.location, **POLL_AFTER}
        return Response(answer.body, HTTPStatus.ACCEPTED, headers, "application/json")


def _raise_if_unsupported(sweep: SweepRequest) -> None:
    """Raise RequestValidationError for what the wire model cannot know, such as an unknown data set."""
    try:
        check_config(sweep)
    except UnsupportedConfigError as error:
        fault = {"type": "value_error", "loc": ("body", error.field), "msg": error.detail, "input": error.received}
        raise RequestValidationError([fault]) from error


def describe_catalogue(schemas: dict[str, Any]) -> None:
    """Add to the schemas of submissions what depends on the catalogue, which the wire models do not know."""
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
            description="Makes the request safe to repeat: for a day the same key gets the same answer.",
        ),
    ] = None,
    dry_run: Annotated[
        bool, Query(description="Store nothing, and answer 200 with an Estimate of what it would cost.")
    ] = False,
) -> Submission:
    return Submission(request.url.path, state, context, idempotency_key, dry_run=dry_run)


SubmissionDep = Annotated[Submission, Depends(_submission)]
