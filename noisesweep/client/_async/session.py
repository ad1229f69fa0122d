"""Requests to the service, repeated until there is an answer or the time is up."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from http import HTTPStatus
from math import inf
from typing import Any

import httpx
from httpx_sse import EventSource, SSEError
from tenacity import AsyncRetrying

from noisesweep.client.connection import Connection
from noisesweep.client.errors import WrongUsageError, checked, foreign, unreachable
from noisesweep.client.payloads import Model, json_body, parsed
from noisesweep.client.retries import ATTEMPT_SECONDS, RetryPolicy, pause_seconds
from noisesweep.models import Event, EventType

# The service sends a sign of life every 15 s: a connection that is silent for longer is dead.
SILENCE_SECONDS = 45.0
TYPES = frozenset(EventType)


class AsyncSession:
    """The connections of one client.

    Attributes:
        http: The HTTP client.

    Args:
        connection: The service's URL and the API key.
        total_seconds: Time limit for an answer, repeats included, and for an absence of a service that is followed.
    """

    def __init__(self, connection: Connection, total_seconds: float) -> None:
        self.http = connection.async_client()
        self._total_seconds = total_seconds

    async def send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        attempt_seconds: float = ATTEMPT_SECONDS,
        reached: bool = False,
        stream: bool = False,
    ) -> httpx.Response:
        """Return the service's answer to a request, which must change nothing if it is repeated.

        One attempt waits up to `attempt_seconds` for data. With `stream`, the body of a successful answer is left
        unread, and the caller closes the response. See RetryPolicy for `reached`.

        Raises:
            ServiceUnreachableError: There was no answer in time, or it was not noisesweep's.
            WrongUsageError: The request cannot be sent.
            RefusedError: The service refused the request for good, or for longer than the time left.
        """
        policy = RetryPolicy(self._total_seconds, reached=reached)
        content = None if body is None else json_body(body)
        all_headers = {**(headers or {}), **({"Content-Type": "application/json"} if content else {})}

        async def attempt() -> httpx.Response:
            timeout = policy.attempt_seconds(attempt_seconds)
            request = self.http.build_request(
                method, path, params=query or None, content=content, headers=all_headers, timeout=timeout
            )
            response = await self.http.send(request, stream=stream)
            if not response.is_success:
                await response.aread()
            return checked(response)

        try:
            response: httpx.Response = await AsyncRetrying(**policy.for_tenacity(), sleep=asyncio.sleep)(attempt)
        except httpx.LocalProtocolError as error:
            # The error's own message is left out: it may quote the API key.
            raise WrongUsageError("the request cannot be sent: it is not valid HTTP") from error
        except httpx.TransportError as error:
            raise unreachable(error) from error
        return response

    async def get(self, model: type[Model], path: str, query: Mapping[str, Any] | None = None) -> Model:
        """Return the resource at a path."""
        response = await self.send("GET", path, query=query)
        return parsed(model, response.content, response)

    async def post(self, model: type[Model], path: str, body: Mapping[str, Any] | None = None, **options: Any) -> Model:  # noqa: ANN401 - as send's
        """Return the answer to a POST; options are those of `send`."""
        response = await self.send("POST", path, body=body, **options)
        return parsed(model, response.content, response)

    async def compute(self, path: str, query: Mapping[str, Any] | None = None) -> httpx.Response:
        """Return an answer that may take long to compute, for which repeating would only add load."""
        return await self.send("GET", path, query=query, attempt_seconds=inf)

    async def events(self, path: str) -> AsyncIterator[Event]:
        """Yield every event once and in order, from the first to the last, over as many connections as necessary.

        A stream that breaks, or that a stopping service closes, is resumed after the last event received. Only a 204
        ends the iteration.

        Raises:
            ServiceUnreachableError: The service was away for longer than `total_seconds`, or sent an unknown event.
            RefusedError: The sweep does not exist, or does not exist any more.
        """
        headers = {"Accept": "text/event-stream"}
        reached, attempts_without_progress = False, 0
        while True:
            response = await self.send(
                "GET", path, headers=headers, attempt_seconds=SILENCE_SECONDS, reached=reached, stream=True
            )
            async with aclosing(response):
                if response.status_code == HTTPStatus.NO_CONTENT:
                    return
                reached, attempts_without_progress = True, attempts_without_progress + 1
                pause = pause_seconds(attempts_without_progress)
                try:
                    async for message in EventSource(response).aiter_sse():
                        if message.event in TYPES:
                            event = parsed(Event, message.data, response)
                            headers["Last-Event-ID"] = event.id
                            yield event
                            attempts_without_progress, pause = 0, 0.0
                        elif message.retry is not None:
                            pause = message.retry / 1000
                except SSEError as error:
                    raise foreign(response) from error
                except httpx.TransportError:
                    pass  # the next connection resumes where this one broke
            await asyncio.sleep(pause)
