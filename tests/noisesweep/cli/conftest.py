import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import httpx
import pytest
from redis import Redis

from shared.settings import Settings
from tests.support.api import ApiThread
from tests.support.commands import Run, command
from tests.support.keys import configured

ServeWithKeys = Callable[..., httpx.Client]


@pytest.fixture
def serve_with_keys(settings: Settings, redis: Redis, monkeypatch: pytest.MonkeyPatch) -> Iterator[ServeWithKeys]:
    """Yield a function that serves the API with a member and another key, whose owner runs the commands."""
    with ExitStack() as cleanup:

        def serve(member: str, **role: str) -> httpx.Client:
            served = ApiThread(settings.model_copy(update={"api_keys": configured(member, **role)}))
            cleanup.callback(served.close)
            monkeypatch.setenv("NOISESWEEP_API_KEY", f"ns_{next(iter(role))}")
            return served.http

        yield serve


@pytest.fixture
def run(http: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return a function that runs a command against the API and captures its output."""
    monkeypatch.setenv("NOISESWEEP_URL", str(http.base_url))
    monkeypatch.setenv("NO_COLOR", "1")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command(*arguments), capture_output=True, text=True, timeout=60, check=False)

    return run
