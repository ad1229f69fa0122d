"""The client without its sockets: what is to be done next is yielded, and what came of it is sent back.

A flow is a generator. It yields steps (`Request`, `Read`, `Pause`), is sent what came of each, yields an `Item` for
whatever its caller is to have on the way, and returns its result. A driver carries the steps out, with blocking calls
or with asyncio (noisesweep/client/drivers.py), so that all that the client knows of the service stands once.
"""

import random
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any, Generic, TypeAlias, TypeVar

import httpx

from noisesweep.client.errors import GatewayError, RefusedError, WrongUsageError, checked, unreachable

# No answer takes so long, but that of a service whose host is in trouble: the request is better sent again.
ATTEMPT_SECONDS = 10.0
# How long a service that does not listen is waited for where nothing was sent to it yet.
GREETING_SECONDS = 2.0
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0
# Problems that pass by themselves.
PASSING = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
KEY_IN_USE = "/problems/idempotency-key-in-use"

Query: TypeAlias = Mapping[str, str | int | float | bool | Sequence[str | int | float]]


@dataclass(frozen=True)
class Request:
    """Send a request; the driver sends back the httpx.Response, or raises its httpx.TransportError here.

    Attributes:
        method: Of HTTP.
        path: From the service's URL on.
        query: Its parameters; a list stands for a parameter of several values.
        body: JSON; None sends nothing.
        headers: Those beside the client's own.
        timeout_seconds: How long nothing may come.
        stream: Whether the body is left to `Read`.
    """

    method: str
    path: str
    query: Query = field(default_factory=dict)
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    timeout_seconds: float = ATTEMPT_SECONDS
    stream: bool = False


@dataclass(frozen=True)
class Read:
    """Read on in the body of the last response; the driver sends back bytes, none at the end, or raises as above."""


@dataclass(frozen=True)
class Pause:
    """Let some seconds pass."""

    seconds: float


Given = TypeVar("Given")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Item(Generic[Given]):
    """Something that the flow's caller is to have at once."""

    value: Given


Step: TypeAlias = Request | Read | Pause
# What gives a result, and what gives items on the way. What is sent in depends on the step.
Flow: TypeAlias = Generator[Step, Any, Result]
ItemFlow: TypeAlias = Generator[Step | Item[Given], Any, None]


def pauses() -> Iterator[float]:
    """Seconds between attempts: each about twice the one before, by chance, so that not all clients come at once."""
    longest = FIRST_PAUSE_SECONDS
    while True:
        yield longest * random.uniform(0.5, 1)  # noqa: S311 - no secret
        longest = min(2 * longest, LONGEST_PAUSE_SECONDS)


def answer(
    request: Request, total_seconds: float, clock: Callable[[], float] = time.monotonic, *, known: bool = False
) -> Flow[httpx.Response]:
    """The service's answer to a request that may be sent again, and is until it has one.

    It is sent again when the connection fails or the answer does not come, and when the service says that the problem
    passes: it is busy, its store does not answer, or it is answering this very request.

    Args:
        request: What is asked. To repeat it must change nothing.
        total_seconds: How long it may take in all; a service that does not even listen is given up earlier.
        clock: Seconds that never go back.
        known: Whether the service was there before, so that it is waited for also if it does not listen.

    Raises:
        ServiceUnreachableError: There was no answer in that time, or the answer is not noisesweep's.
        WrongUsageError: It cannot be sent.
        RefusedError: The service refused it, and goes on to, or wants to be asked again too late.
    """
    began, sent = clock(), known
    failure: Exception
    for pause_seconds in pauses():
        left = began + total_seconds - clock()
        try:
            response: httpx.Response = yield replace(request, timeout_seconds=_within(request.timeout_seconds, left))
            return checked(response)
        except httpx.LocalProtocolError as error:
            # Such as a header that cannot be sent; what it is stays unsaid, for it may be the key.
            raise WrongUsageError("the request cannot be sent: it is none of HTTP") from error
        except GatewayError as error:
            sent, failure, until = True, error, began + total_seconds
        except httpx.TransportError as error:
            # Where nothing was sent, no sweep can be lost by giving up.
            sent = sent or not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
            failure = unreachable(error)
            until = began + (total_seconds if sent else min(GREETING_SECONDS, total_seconds))
        except RefusedError as refused:
            if not passes(refused):
                raise
            sent, failure, until = True, refused, began + total_seconds
            pause_seconds = max(pause_seconds, refused.retry_after_seconds or 0)  # noqa: PLW2901 - it knows better
        if clock() + pause_seconds >= until:
            raise failure
        yield Pause(pause_seconds)
    raise AssertionError("pauses end never")


def passes(refused: RefusedError) -> bool:
    """Whether the same request may be answered a little later."""
    return refused.problem.status in PASSING or refused.problem.type == KEY_IN_USE


def _within(seconds: float, left: float) -> float:
    return max(min(seconds, left), 0.1)
