"""Errors raised by the client.

NoiseSweepError
├── WrongUsageError           invalid arguments; nothing was sent
├── ServiceUnreachableError   no answer within the timeout
│   └── GatewayError          a proxy answered that the service does not respond
└── RefusedError              the service rejected the request
"""

import re
import ssl
from collections.abc import Iterator
from http import HTTPStatus

import httpx
from pydantic import ValidationError

from noisesweep.models import Problem

# Request extension with the description of the forward proxy.
PROXY = "noisesweep.proxy"
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
            raise _gateway_error(response) from error
        raise unknown_service_error(response) from error
    raise RefusedError(problem, retry_after_seconds(response))


def unreachable_error(error: httpx.TransportError) -> ServiceUnreachableError:
    """Return the error for a request without an answer: it names the proxy or the certificate if that is the cause."""
    url, proxy = error.request.url, error.request.extensions.get(PROXY)
    service = _origin(url)
    reason = "timeout" if isinstance(error, httpx.TimeoutException) else _reason(error)
    tls_error = next((cause for cause in _causes(error) if isinstance(cause, ssl.SSLError)), None)
    if isinstance(tls_error, ssl.SSLCertVerificationError):
        return ServiceUnreachableError(
            f"the certificate of {service} is not accepted ({tls_error.verify_message}): check the host in the URL, or "
            "set SSL_CERT_FILE to the certificate of the authority that issued it"
        )
    if tls_error:
        return ServiceUnreachableError(
            f"no TLS connection to {service} ({tls_error.reason or tls_error}): check whether the service uses http "
            "or https, and check the port"
        )
    if isinstance(error, httpx.ProxyError):
        return ServiceUnreachableError(
            f"the proxy {proxy} did not connect to {service} ({reason}): check that the service is running and that "
            f"the proxy allows it, or add {url.host} to NO_PROXY"
        )
    if proxy and isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return ServiceUnreachableError(
            f"no answer from the proxy {proxy} ({reason}): correct its address, or add {url.host} to NO_PROXY"
        )
    through = f" through the proxy {proxy}" if proxy else ""
    return ServiceUnreachableError(
        f"no answer from {service}{through} ({reason}): start the service with `noisesweep up`, or check the URL"
    )


def _gateway_error(response: httpx.Response) -> GatewayError:
    url, proxy = response.request.url, response.request.extensions.get(PROXY)
    # Through a tunnel to an https URL, only a proxy on the side of the service can answer.
    name = f"{proxy} or {url.host}" if proxy and url.scheme == "http" else f"at {url.host}"
    return GatewayError(
        f"the proxy {name} cannot reach the noisesweep service (HTTP {response.status_code}): check that the service "
        "is running"
    )


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and its causes."""
    while error:
        yield error
        error = error.__cause__ or error.__context__


def _origin(url: httpx.URL) -> str:
    return f"{url.scheme}://{url.netloc.decode()}"


def _reason(error: httpx.TransportError) -> str:
    return re.sub(r"^\[Errno -?\d+\] ", "", str(error)) or type(error).__name__


def unknown_service_error(response: httpx.Response) -> ServiceUnreachableError:
    """Return the error for an answer that is not from a noisesweep service, or from an incompatible version."""
    url, proxy = response.request.url, response.request.extensions.get(PROXY)
    through, also = (f" through the proxy {proxy}", ", and that the proxy lets it through") if proxy else ("", "")
    return ServiceUnreachableError(
        f"unexpected answer from {_origin(url)}{through} (HTTP {response.status_code} for {url.path}): check that the "
        f"URL belongs to a noisesweep service of the same version as this client{also}"
    )


def retry_after_seconds(response: httpx.Response) -> float | None:
    """Return the seconds of the Retry-After header; None without one."""
    value = response.headers.get("Retry-After", "")
    return float(value) if value.isdecimal() else None
