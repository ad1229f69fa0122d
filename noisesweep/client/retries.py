"""The retry policy of one request, for tenacity's synchronous and asynchronous controllers."""

import random
import time
from http import HTTPStatus
from typing import Any

import httpx
from tenacity import RetryCallState

from noisesweep.client.errors import GatewayError, RefusedError

# No answer takes longer unless the service's host is in trouble: sending the request again is then better.
ATTEMPT_SECONDS = 10.0
# The shortest timeout of an attempt, also when hardly any time is left.
SHORTEST_ATTEMPT_SECONDS = 0.1
# How long to wait for a service that accepts no connection, as long as nothing was sent to it.
GREETING_SECONDS = 2.0
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0
PASSING = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
KEY_IN_USE = "/problems/idempotency-key-in-use"


class RetryPolicy:
    """The decisions about one request: which failures to retry, after what pause, and until when.

    It retries failed connections, timeouts, a gateway without an answer, and refusals that pass by themselves. Every
    request of the client may be repeated: it changes nothing the second time, or carries an Idempotency-Key.

    Args:
        total_seconds: Time limit for all attempts and pauses together.
        reached: True if the service answered before. Until it has been reached, a service that accepts no connection
            is given up after GREETING_SECONDS: as nothing was sent, no sweep can be lost.
    """

    def __init__(self, total_seconds: float, *, reached: bool) -> None:
        self._total_seconds = total_seconds
        self._reached = reached
        self._began = time.monotonic()

    def attempt_seconds(self, longest: float) -> float:
        """Return the timeout of the next attempt: at most `longest`, within the time left."""
        left = self._began + self._total_seconds - time.monotonic()
        return max(min(longest, left), SHORTEST_ATTEMPT_SECONDS)

    def for_tenacity(self) -> dict[str, Any]:
        """Return the arguments of tenacity.Retrying or tenacity.AsyncRetrying."""
        return {"retry": self._retry, "wait": self._wait, "stop": self._stop, "reraise": True}

    def _retry(self, state: RetryCallState) -> bool:
        match _failure(state):
            case httpx.LocalProtocolError():
                return False  # the request itself is not valid
            case httpx.ConnectError() | httpx.ConnectTimeout():
                return True
            case httpx.TransportError() | GatewayError():
                self._reached = True
                return True
            case RefusedError() as refused:
                self._reached = True
                return passes(refused)
            case _:
                return False

    def _wait(self, state: RetryCallState) -> float:
        failure = _failure(state)
        wanted = failure.retry_after_seconds if isinstance(failure, RefusedError) else None
        return max(pause_seconds(state.attempt_number), wanted or 0.0)

    def _stop(self, state: RetryCallState) -> bool:
        limit = self._total_seconds if self._reached else min(GREETING_SECONDS, self._total_seconds)
        return time.monotonic() + state.upcoming_sleep >= self._began + limit


def passes(refused: RefusedError) -> bool:
    """Return True if the same request may succeed a little later."""
    return refused.problem.status in PASSING or refused.problem.type == KEY_IN_USE


def pause_seconds(attempt: int) -> float:
    """Return the pause after an attempt, counted from 1: exponential, with jitter so that clients spread out."""
    longest = min(FIRST_PAUSE_SECONDS * 2.0 ** (attempt - 1), LONGEST_PAUSE_SECONDS)
    return longest * random.uniform(0.5, 1)  # noqa: S311 - not a secret


def _failure(state: RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None
