"""Errors raised by the client. Every message says what to do.

NoiseSweepError
├── WrongUsageError           nothing was sent
├── ServiceUnreachableError   no answer, within the time allowed
│   └── GatewayError          something before the service says that it has none
└── RefusedError              the service says no, and why
"""

import re
from http import HTTPStatus

import httpx
from pydantic import ValidationError

from noisesweep.models import Problem

GATEWAY = (HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT)


class NoiseSweepError(Exception):
    """The base of all that the client raises by itself."""


class WrongUsageError(NoiseSweepError, ValueError):
    """The arguments of a call are invalid. Nothing was sent."""


class ServiceUnreachableError(NoiseSweepError):
    """The service gave no answer, or what answers there is no noisesweep service."""


class GatewayError(ServiceUnreachableError):
    """A proxy between here and the service had no answer from it, which may come yet."""


class RefusedError(NoiseSweepError):
    """The service refused a request.

    Attributes:
        problem: What it says of that.
        retry_after_seconds: When it may be worth trying again; None where the service does not say.
    """

    def __init__(self, problem: Problem, retry_after_seconds: float | None = None) -> None:
        faults = "; ".join(map(str, problem.errors or []))
        super().__init__(faults or problem.detail)
        self.problem = problem
        self.retry_after_seconds = retry_after_seconds


def checked(response: httpx.Response) -> httpx.Response:
    """The response, if it is the service's and no refusal.

    Raises:
        RefusedError: It is a problem document.
        GatewayError: It is a proxy's, which says that there is no answer now.
        ServiceUnreachableError: It is of something else than noisesweep.
    """
    if response.is_success or response.status_code == HTTPStatus.NOT_MODIFIED:
        return response
    try:
        problem = Problem.model_validate_json(response.content)
    except ValidationError as error:
        if response.status_code in GATEWAY:
            raise GatewayError(
                f"a proxy before {response.request.url.host} has no answer of the service ({response.status_code}): "
                "look after the service behind it"
            ) from error
        raise foreign(response) from error
    raise RefusedError(problem, retry_after_seconds(response))


def unreachable(error: httpx.TransportError) -> ServiceUnreachableError:
    """Return the error for a request without an answer."""
    url = error.request.url
    reason = "it took too long" if isinstance(error, httpx.TimeoutException) else _reason(error)
    return ServiceUnreachableError(
        f"{url.scheme}://{url.netloc.decode()} does not answer ({reason}): start the service with `noisesweep up`, or "
        "name another URL"
    )


def _reason(error: httpx.TransportError) -> str:
    return re.sub(r"^\[Errno -?\d+\] ", "", str(error)) or type(error).__name__


def foreign(response: httpx.Response) -> ServiceUnreachableError:
    """Return the error for an answer that is not from noisesweep."""
    url = response.request.url
    return ServiceUnreachableError(
        f"what answers at {url.scheme}://{url.netloc.decode()} is no noisesweep service that this client knows (it "
        f"answered {url.path} with {response.status_code}): check the URL, or install the client that comes with it"
    )


def retry_after_seconds(response: httpx.Response) -> float | None:
    """The seconds that Retry-After names, None without."""
    value = response.headers.get("Retry-After", "")
    return float(value) if value.isdecimal() else None
