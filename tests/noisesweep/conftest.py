import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from noisesweep import NoiseSweep
from shared.settings import Settings
from tests.support.api import ApiThread
from tests.support.command_line import CommandLine
from tests.support.proxy import Proxy
from tests.support.terminal import Terminal


@pytest.fixture
def command_line(tmp_path: Path) -> Iterator[CommandLine]:
    # Child processes inherit ignored signals. Restore the default in case the tests run under nohup.
    sighup_handler = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    command_line = CommandLine(tmp_path)
    yield command_line
    command_line.close()
    signal.signal(signal.SIGHUP, sighup_handler)


@pytest.fixture
def service(http: httpx.Client) -> Iterator[NoiseSweep]:
    """Yield a client of the API with an empty store."""
    with NoiseSweep(str(http.base_url)) as service:
        yield service


@pytest.fixture
def proxy(http: httpx.Client) -> Iterator[Callable[..., Proxy]]:
    """Yield a function that creates proxies of the API, which cut connections after given numbers of bytes."""
    proxies: list[Proxy] = []

    def create(*cuts: int | None) -> Proxy:
        proxies.append(Proxy(http.base_url.port or 80, cuts))
        return proxies[-1]

    yield create
    for proxy in proxies:
        proxy.close()


@pytest.fixture
def api(settings: Settings) -> Iterator[ApiThread]:
    api = ApiThread(settings)
    yield api
    api.close()


@pytest.fixture
def terminal() -> Iterator[Callable[..., Terminal]]:
    """Yield a function that runs a command on a pseudo-terminal."""
    terminals: list[Terminal] = []

    def run(*command: str, **options: Any) -> Terminal:
        terminals.append(Terminal(*command, **options))
        return terminals[-1]

    yield run
    for terminal in terminals:
        terminal.close()
