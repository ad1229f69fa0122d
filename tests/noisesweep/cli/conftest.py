import subprocess

import httpx
import pytest

from tests.support.commands import Run, command


@pytest.fixture
def run(http: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return a function that runs a command against the API and captures its output."""
    monkeypatch.setenv("NOISESWEEP_URL", str(http.base_url))
    monkeypatch.setenv("NO_COLOR", "1")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command(*arguments), capture_output=True, text=True, timeout=60, check=False)

    return run
