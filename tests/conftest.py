"""Real parts for every test: a Redis server, settings that point at it, and the API served over a real socket."""

import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import httpx
import pytest
from redis import Redis
from redis.exceptions import RedisError

from api.limits import Limits
from api.server import Server
from noisesweep.local.launcher import free_port, store_binary
from shared.settings import Settings

ALWAYS_RECOUNT = Limits(recount_seconds=-1)


class RedisServer:
    """A Redis server of the tests' own, without a disk unless it is to be durable.

    `within` stands before its command, and `host` is then where it is reached.
    """

    def __init__(
        self,
        folder: Path,
        port: int,
        *,
        durable: bool = False,
        options: Sequence[str] = (),
        host: str = "127.0.0.1",
        within: Sequence[str] = (),
    ) -> None:
        self.url = f"redis://{host}:{port}/0"
        self.client: Redis = Redis.from_url(self.url, decode_responses=True)
        self._command = [*within, store_binary(), "--port", str(port), "--save", "", "--dir", str(folder), *options]
        if durable:
            self._command += ["--appendonly", "yes", "--appendfsync", "always"]
        self._log = (folder / "redis.log").open("wb")
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        if self._process:
            self._process.wait()
        self._process = subprocess.Popen(self._command, stdout=self._log, stderr=subprocess.STDOUT)
        wait_until(self._answers)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def _end(self, by: signal.Signals) -> None:
        assert self._process
        self._process.send_signal(by)
        self._process.wait()

    def close(self) -> None:
        self.client.close()
        self.stop()
        self._log.close()

    def _answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except RedisError:
            return False


def wait_until(condition: Callable[[], object], seconds: float = 30.0) -> None:
    """Return when the callable returns something true; fail after so many seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:g} s"
        time.sleep(0.02)


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis"), free_port())
    yield server
    server.close()


@pytest.fixture
def redis(redis_server: RedisServer) -> Redis:
    """A client of an empty store."""
    redis_server.client.flushall()
    return redis_server.client


@pytest.fixture
def settings(redis: Redis, redis_server: RedisServer) -> Settings:
    return Settings(redis_url=redis_server.url)


class Served:
    """The API on a free port of loopback, in a thread.

    A queue that was full in one test may be empty in the next, so by default it is always counted again.
    """

    def __init__(self, settings: Settings, limits: Limits = ALWAYS_RECOUNT) -> None:
        port = free_port()
        self._server = Server(settings.model_copy(update={"port": port}), limits)
        self._thread = threading.Thread(target=self._server.run)
        self._thread.start()
        wait_until(lambda: self._server.started)
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10)

    def close(self) -> None:
        self.http.close()
        self._server.should_exit = True
        self._thread.join()


@pytest.fixture(scope="session")
def served(redis_server: RedisServer) -> Iterator[Served]:
    served = Served(Settings(redis_url=redis_server.url))
    yield served
    served.close()


@pytest.fixture
def http(served: Served, redis: Redis) -> httpx.Client:
    """A client of the API over an empty store."""
    return served.http
