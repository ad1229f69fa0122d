"""HTTP requests with retries, and event streams that reconnect."""

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
from noisesweep.client.errors import PROXY, WrongUsageError, raise_for_problem, unknown_service_error, unreachable_error
from noisesweep.client.payloads import Model, json_body, parse
from noisesweep.client.retries import ATTEMPT_SECONDS, RetryPolicy, pause_seconds
from noisesweep.models import Event, EventType

# The service sends a keep-alive comment every 15 s. A connection without data for three times as long is broken.
SILENCE_SECONDS = 45.0
TYPES = frozenset(EventType)


class AsyncSession:
    """HTTP session of one client.

    Attributes:
        http: HTTP client.

    Args:
        connection: URL of the service and API key.
        total_seconds: Time limit for a request, retries included. An event stream gives up if the service is
            unreachable for this time.
    """

    def __init__(self, connection: Connection, total_seconds: float) -> None:
        self.http = connection.async_client()
        # The errors of noisesweep/client/errors.py name the proxy of a failed request.
        self._extensions = {PROXY: str(connection.proxy)} if connection.proxy else {}
        self._total_seconds = total_seconds

    async def send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | bytes | None = None,
        headers: Mapping[str, str] | None = None,
        attempt_seconds: float = ATTEMPT_SECONDS,
        reached: bool = False,
        stream: bool = False,
    ) -> httpx.Response:
        """Send a request, retry it if necessary, and return the response. Repeating the request must be safe.

        One attempt waits up to `attempt_seconds` for data. With `stream`, the body of a successful response is not
        read, and the caller must close the response. See RetryPolicy for `reached`. A body of bytes is a zip archive.

        Raises:
            ServiceUnreachableError: No answer arrived in time, or the answer is not from noisesweep.
            WrongUsageError: The request is not valid HTTP.
            RefusedError: The service rejected the request, and no retry is possible in the time left.
        """
        policy = RetryPolicy(self._total_seconds, reached=reached)
        content, all_headers = None, dict(headers or {})
        if body is not None:
            content = body if isinstance(body, bytes) else json_body(body)
            all_headers["Content-Type"] = "application/zip" if isinstance(body, bytes) else "application/json"

        async def attempt() -> httpx.Response:
            timeout = policy.attempt_seconds(attempt_seconds)
            request = self.http.build_request(
                method,
                path,
                params=query or None,
                content=content,
                headers=all_headers,
                timeout=timeout,
                extensions=self._extensions,
            )
            response = await self.http.send(request, stream=stream)
            if not response.is_success:
                await response.aread()
            return raise_for_problem(response)

        try:
            response: httpx.Response = await AsyncRetrying(**policy.for_tenacity(), sleep=asyncio.sleep)(attempt)
        except httpx.LocalProtocolError as error:
            # Do not include the original message: it may contain the API key.
            raise WrongUsageError("the request is not valid HTTP: check the URL and the API key") from error
        except httpx.TransportError as error:
            raise unreachable_error(error) from error
        return response

    async def get(self, model: type[Model], path: str, query: Mapping[str, Any] | None = None) -> Model:
        """Read the resource at a path."""
        response = await self.send("GET", path, query=query)
        return parse(model, response.content, response)

    async def post(
        self,
        model: type[Model],
        path: str,
        body: Mapping[str, Any] | bytes | None = None,
        **options: Any,  # noqa: ANN401 - as send's
    ) -> Model:
        """Send a POST request and return the parsed response. The options are those of `send`."""
        response = await self.send("POST", path, body=body, **options)
        return parse(model, response.content, response)

    async def patch(self, model: type[Model], path: str, body: Mapping[str, Any]) -> Model:
        """Send a PATCH request and return the parsed response."""
        response = await self.send("PATCH", path, body=body)
        return parse(model, response.content, response)

    async def compute(self, path: str, query: Mapping[str, Any] | None = None) -> httpx.Response:
        """Read a resource that may take long to compute, without a timeout per attempt.

        Repeating a slow request would only add load.
        """
        return await self.send("GET", path, query=query, attempt_seconds=inf)

    async def events(self, path: str) -> AsyncIterator[Event]:
        """Yield all events once and in order, from the first to the last.

        If the connection breaks or the service stops, reconnect and resume after the last received event. The
        iteration ends when the service answers 204.

        Raises:
            ServiceUnreachableError: The service was unreachable for `total_seconds`, or sent an invalid event.
            RefusedError: The sweep does not exist, or was deleted.
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
                            event = parse(Event, message.data, response)
                            headers["Last-Event-ID"] = event.id
                            yield event
                            attempts_without_progress, pause = 0, 0.0
                        elif message.retry is not None:
                            pause = message.retry / 1000
                except SSEError as error:
                    raise unknown_service_error(response) from error
                except httpx.TransportError:
                    pass  # reconnect and resume
            await asyncio.sleep(pause)
