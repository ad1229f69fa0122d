"""Retry policy for tenacity's synchronous and asynchronous retrying classes."""

import random
import time
from http import HTTPStatus
from typing import Any

import httpx
from tenacity import RetryCallState

from noisesweep.client.errors import GatewayError, RefusedError

# Normal answers take less time than this. A second attempt is then more likely to succeed than waiting longer.
ATTEMPT_SECONDS = 10.0
# Minimum timeout of an attempt, even if less of the total time is left.
SHORTEST_ATTEMPT_SECONDS = 0.1
# Time limit for the first connection, before any request was sent.
CONNECT_SECONDS = 2.0
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0
TEMPORARY_STATUSES = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)


class RetryPolicy:
    """Retry policy of one request.

    It retries failed connections, timeouts, gateway errors and temporary rejections. Repeating a request of the
    client is always safe: the request is idempotent or carries an Idempotency-Key.

    Args:
        total_seconds: Time limit for all attempts and pauses together.
        reached: True if the service answered an earlier request. If the service was never reached, failed connections
            are retried for at most CONNECT_SECONDS. Giving up early is safe, because nothing was sent.
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
                return False  # the request itself is invalid
            case httpx.ConnectError() | httpx.ConnectTimeout() | httpx.ProxyError():
                return True
            case httpx.TransportError() | GatewayError():
                self._reached = True
                return True
            case RefusedError() as refused:
                self._reached = True
                return is_temporary(refused)
            case _:
                return False

    def _wait(self, state: RetryCallState) -> float:
        failure = _failure(state)
        retry_after = failure.retry_after_seconds if isinstance(failure, RefusedError) else None
        return max(pause_seconds(state.attempt_number), retry_after or 0.0)

    def _stop(self, state: RetryCallState) -> bool:
        limit = self._total_seconds if self._reached else min(CONNECT_SECONDS, self._total_seconds)
        return time.monotonic() + state.upcoming_sleep >= self._began + limit


def is_temporary(refused: RefusedError) -> bool:
    """Return True if the same request may succeed later."""
    return refused.problem.status in TEMPORARY_STATUSES


def pause_seconds(attempt: int) -> float:
    """Return the pause after an attempt (numbered from 1): exponential backoff with jitter."""
    longest = min(FIRST_PAUSE_SECONDS * 2.0 ** (attempt - 1), LONGEST_PAUSE_SECONDS)
    return longest * random.uniform(0.5, 1)  # noqa: S311 - not a secret


def _failure(state: RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None
