"""Errors raised by the client.

NoiseSweepError
├── WrongUsageError           invalid arguments; nothing was sent
├── ServiceUnreachableError   no answer within the timeout
│   └── GatewayError          a proxy answered that the service does not respond
└── RefusedError              the service rejected the request
"""

import re
from http import HTTPStatus

import httpx
from pydantic import ValidationError

from noisesweep.models import Problem

GATEWAY = (HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT)


class NoiseSweepError(Exception):
    """Base class of the client's errors."""


class WrongUsageError(NoiseSweepError, ValueError):
    """Invalid arguments. Nothing was sent to the service."""


class ServiceUnreachableError(NoiseSweepError):
    """No answer from the service, or an answer from a different program."""


class GatewayError(ServiceUnreachableError):
    """Answer of a proxy that cannot reach the service. A retry may succeed."""


class RefusedError(NoiseSweepError):
    """Rejection of a request by the service.

    Attributes:
        problem: Problem document (RFC 9457) with the reason.
        retry_after_seconds: Seconds to wait before a retry; None if the service gives no time.
    """

    def __init__(self, problem: Problem, retry_after_seconds: float | None = None) -> None:
        invalid_fields = "; ".join(map(str, problem.errors or []))
        super().__init__(invalid_fields or problem.detail)
        self.problem = problem
        self.retry_after_seconds = retry_after_seconds


def raise_for_problem(response: httpx.Response) -> httpx.Response:
    """Return a successful response unchanged.

    Raises:
        RefusedError: The response is a problem document.
        GatewayError: A proxy answered that it cannot reach the service.
        ServiceUnreachableError: The response is not from a noisesweep service.
    """
    if response.is_success or response.status_code == HTTPStatus.NOT_MODIFIED:
        return response
    try:
        problem = Problem.model_validate_json(response.content)
    except ValidationError as error:
        if response.status_code in GATEWAY:
            raise GatewayError(
                f"the proxy at {response.request.url.host} cannot reach the noisesweep service (HTTP "
                f"{response.status_code}): check that the service is running"
            ) from error
        raise unknown_service_error(response) from error
    raise RefusedError(problem, retry_after_seconds(response))


def unreachable_error(error: httpx.TransportError) -> ServiceUnreachableError:
    """Return the error for a request without an answer."""
    url = error.request.url
    reason = "timeout" if isinstance(error, httpx.TimeoutException) else _reason(error)
    return ServiceUnreachableError(
        f"no answer from {url.scheme}://{url.netloc.decode()} ({reason}): start the service with `noisesweep up`, or "
        "check the URL"
    )


def _reason(error: httpx.TransportError) -> str:
    return re.sub(r"^\[Errno -?\d+\] ", "", str(error)) or type(error).__name__


def unknown_service_error(response: httpx.Response) -> ServiceUnreachableError:
    """Return the error for an answer that is not from a noisesweep service, or from an incompatible version."""
    url = response.request.url
    return ServiceUnreachableError(
        f"unexpected answer from {url.scheme}://{url.netloc.decode()} (HTTP {response.status_code} for {url.path}): "
        "check that the URL belongs to a noisesweep service of the same version as this client"
    )


def retry_after_seconds(response: httpx.Response) -> float | None:
    """Return the seconds of the Retry-After header; None without one."""
    value = response.headers.get("Retry-After", "")
    return float(value) if value.isdecimal() else None
