"""Dependency that accepts only what a route declares: the names of its query parameters and the type of its body."""

from collections import Counter
from collections.abc import Mapping
from email.message import Message
from http import HTTPStatus
from typing import Any

from fastapi import Request, params
from fastapi._compat import field_annotation_is_sequence
from fastapi.dependencies.utils import get_flat_params
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from noisesweep.models.faults import did_you_mean


async def accept_only_declared(request: Request) -> None:
    """Check the query and the type of the body against the route, because FastAPI ignores what it does not know.

    Raises:
        RequestValidationError: The query has an unknown parameter, or repeats one that has a single value.
        HTTPException: 415, the body has another type.
    """
    route: APIRoute = request.scope["route"]
    if request.scope["query_string"]:
        faults = _query_faults(request, _query_parameters(route))
        if faults:
            raise RequestValidationError(faults)
    content_type, expected = request.headers.get("content-type", ""), _body_types(route)
    if expected and _has_body(request) and not any(_is_of_type(content_type, each) for each in expected):
        received = content_type or "a body without a type"
        detail = f"Content-Type: expected {' or '.join(expected)}, received {received}. Nothing was stored."
        raise HTTPException(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, detail)


def _body_types(route: APIRoute) -> list[str]:
    """Return the documented types of a route's body; an empty list without a body."""
    documented = (route.openapi_extra or {}).get("requestBody", {}).get("content", {})
    return list(documented) or (["application/json"] if route.body_field else [])


def _has_body(request: Request) -> bool:
    return "transfer-encoding" in request.headers or request.headers.get("content-length", "0") != "0"


def _is_of_type(content_type: str, expected: str) -> bool:
    if expected == "application/json":
        return is_json(content_type)
    message = Message()
    message["Content-Type"] = content_type
    return message.get_content_type() == expected


def is_json(content_type: str) -> bool:
    """Return whether a Content-Type header names JSON."""
    message = Message()
    message["Content-Type"] = content_type
    subtype = message.get_content_subtype()
    return message.get_content_maintype() == "application" and (subtype == "json" or subtype.endswith("+json"))


def _query_parameters(route: APIRoute) -> Mapping[str, bool]:
    """Return the names of a route's query parameters, and whether each may be repeated."""
    declared = [each for each in get_flat_params(route.dependant) if isinstance(each.field_info, params.Query)]
    return {each.alias: field_annotation_is_sequence(each.field_info.annotation) for each in declared}


def _query_faults(request: Request, parameters: Mapping[str, bool]) -> list[dict[str, Any]]:
    known = f"one of the parameters {', '.join(parameters)}" if parameters else "no parameters"
    faults = []
    for name, count in Counter(name for name, _ in request.query_params.multi_items()).items():
        received = request.query_params.getlist(name)
        if name not in parameters:
            reason = f"expected {known}{did_you_mean(name, parameters)}"
        elif count > 1 and not parameters[name]:
            reason = "expected the parameter once"
        else:
            continue
        faults.append({"type": "value_error", "loc": ("query", name), "msg": reason, "input": received})
    return faults
