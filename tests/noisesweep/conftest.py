import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from noisesweep import NoiseSweep
from shared.settings import Settings
from tests.support.api import Served
from tests.support.command_line import CommandLine
from tests.support.proxy import Proxy
from tests.support.terminal import Terminal
from tests.support.training import Training
from worker.leases import Leases


@pytest.fixture
def command_line(tmp_path: Path) -> Iterator[CommandLine]:
    # As in a terminal, also where these tests run under nohup: children inherit what is ignored.
    hang_up = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    command_line = CommandLine(tmp_path)
    yield command_line
    command_line.close()
    signal.signal(signal.SIGHUP, hang_up)


@pytest.fixture
def training(settings: Settings) -> Iterator[Training]:
    leases = Leases(settings)
    yield Training(leases)
    leases.close()


@pytest.fixture
def service(http: httpx.Client) -> Iterator[NoiseSweep]:
    """A client of the API over an empty store."""
    with NoiseSweep(str(http.base_url)) as service:
        yield service


@pytest.fixture
def proxy(http: httpx.Client) -> Iterator[Callable[..., Proxy]]:
    """Makes proxies of the API that cut connections after so many bytes."""
    proxies: list[Proxy] = []

    def make(*cuts: int | None) -> Proxy:
        proxies.append(Proxy(http.base_url, list(cuts)))
        return proxies[-1]

    yield make
    for proxy in proxies:
        proxy.close()


@pytest.fixture
def api(settings: Settings) -> Iterator[Served]:
    api = Served(settings)
    yield api
    api.close()


@pytest.fixture
def terminal() -> Iterator[Callable[..., Terminal]]:
    """Runs commands on terminals."""
    terminals: list[Terminal] = []

    def run(*command: str) -> Terminal:
        terminals.append(Terminal(*command))
        return terminals[-1]

    yield run
    for terminal in terminals:
        terminal.close()
