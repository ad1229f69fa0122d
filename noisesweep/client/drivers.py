"""Carry out flows over HTTP: with blocking calls, or with asyncio."""

import asyncio
import time
from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import aclosing, closing
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

import httpx

from noisesweep.client.flow import Flow, Item, ItemFlow, Pause, Read, Request, Step

Given = TypeVar("Given")
Result = TypeVar("Result")


@dataclass(frozen=True)
class _Done(Generic[Result]):
    result: Result


def _advance(flow: Generator[Any, Any, Result], outcome: object) -> Step | Item[Any] | _Done[Result]:
    """The flow's next step after what came of the one before; an error is raised in it."""
    try:
        step: Step | Item[Any] = flow.throw(outcome) if isinstance(outcome, Exception) else flow.send(outcome)
    except StopIteration as end:
        return _Done(end.value)
    return step


def _prepared(http: httpx.Client | httpx.AsyncClient, request: Request) -> httpx.Request:
    return http.build_request(
        request.method,
        request.path,
        params=cast("dict[str, Any]", request.query) or None,
        content=request.body,
        headers={**request.headers, **({"Content-Type": "application/json"} if request.body else {})},
        timeout=request.timeout_seconds,
    )


class Driver:
    """Carries out flows with blocking calls."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http

    def run(self, flow: Flow[Result]) -> Result:
        """The flow's result."""
        outcome: object = None
        with closing(flow), closing(_Exchange(self._http)) as exchange:
            while not isinstance(step := _advance(flow, outcome), _Done):
                outcome = exchange.carry_out(cast("Step", step))
        return step.result

    def items(self, flow: ItemFlow[Given]) -> Iterator[Given]:
        """The flow's items, as they come."""
        outcome: object = None
        with closing(flow), closing(_Exchange(self._http)) as exchange:
            while not isinstance(step := _advance(flow, outcome), _Done):
                if isinstance(step, Item):
                    yield step.value
                    outcome = None
                else:
                    outcome = exchange.carry_out(step)


class _Exchange:
    """What one flow sends and receives. A stream stays open until the next request."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http
        self._stream: httpx.Response | None = None
        self._chunks: Iterator[bytes] = iter(())

    def carry_out(self, step: Step) -> object:
        try:
            match step:
                case Request():
                    return self._send(step)
                case Read():
                    return next(self._chunks, b"")
                case Pause():
                    time.sleep(step.seconds)
        except httpx.TransportError as error:
            return error
        return None

    def _send(self, request: Request) -> httpx.Response:
        self.close()
        response = self._stream = self._http.send(_prepared(self._http, request), stream=True)
        if request.stream and response.is_success:
            self._chunks = response.iter_bytes()
        else:
            response.read()
        return response

    def close(self) -> None:
        if self._stream:
            self._stream.close()


class AsyncDriver:
    """Carries out flows with asyncio."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def run(self, flow: Flow[Result]) -> Result:
        """The flow's result."""
        outcome: object = None
        with closing(flow):
            async with aclosing(_AsyncExchange(self._http)) as exchange:
                while not isinstance(step := _advance(flow, outcome), _Done):
                    outcome = await exchange.carry_out(cast("Step", step))
        return step.result

    async def items(self, flow: ItemFlow[Given]) -> AsyncIterator[Given]:
        """The flow's items, as they come."""
        outcome: object = None
        with closing(flow):
            async with aclosing(_AsyncExchange(self._http)) as exchange:
                while not isinstance(step := _advance(flow, outcome), _Done):
                    if isinstance(step, Item):
                        yield step.value
                        outcome = None
                    else:
                        outcome = await exchange.carry_out(step)


class _AsyncExchange:
    """As _Exchange."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http
        self._stream: httpx.Response | None = None
        self._chunks: AsyncIterator[bytes] | None = None

    async def carry_out(self, step: Step) -> object:
        try:
            match step:
                case Request():
                    return await self._send(step)
                case Read():
                    return await anext(self._chunks, b"") if self._chunks else b""
                case Pause():
                    await asyncio.sleep(step.seconds)
        except httpx.TransportError as error:
            return error
        return None

    async def _send(self, request: Request) -> httpx.Response:
        await self.aclose()
        response = self._stream = await self._http.send(_prepared(self._http, request), stream=True)
        if request.stream and response.is_success:
            self._chunks = response.aiter_bytes()
        else:
            await response.aread()
        return response

    async def aclose(self) -> None:
        if self._stream:
            await self._stream.aclose()
