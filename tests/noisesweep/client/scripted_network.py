"""Client on a scripted network, without sockets. Only pauses and timeouts advance its clock."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx
import pytest

from noisesweep import NoiseSweep
from noisesweep.client.connection import Connection

URL = "http://127.0.0.1:8000"
MODULES_WITH_TIME = ("noisesweep.client.retries", "noisesweep.client._sync.session", "noisesweep.client._sync.handle")


@dataclass
class Clock:
    """Replacement of the module `time`."""

    seconds: float = 0.0

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


@dataclass
class Network:
    """Network whose script returns or raises the outcome of each request.

    A read timeout advances the clock by the timeout of the request.
    """

    script: Callable[[httpx.Request], httpx.Response]
    clock: Clock = field(default_factory=Clock)
    requests: list[httpx.Request] = field(default_factory=list)

    @contextmanager
    def service(self, timeout: float = 30.0) -> Iterator[NoiseSweep]:
        """Yield a client on this network."""

        def client(connection: Connection) -> httpx.Client:
            return httpx.Client(base_url=connection.url, transport=httpx.MockTransport(self._answer))

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Connection, "client", client)
            for module in MODULES_WITH_TIME:
                patch.setattr(f"{module}.time", self.clock)
            with NoiseSweep(URL, timeout=timeout) as service:
                yield service

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        try:
            return self.script(request)
        except httpx.ReadTimeout:
            self.clock.sleep(request.extensions["timeout"]["read"])
            raise


def in_turn(*outcomes: httpx.Response | httpx.TransportError) -> Network:
    """Return a network that produces the outcomes in order and then repeats the last one."""
    left = list(outcomes)

    def answer(_request: httpx.Request) -> httpx.Response:
        outcome = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(outcome, Exception):
            raise outcome
        return httpx.Response(outcome.status_code, headers=outcome.headers, content=outcome.content)

    return Network(answer)
