"""A browser before the service as it runs: the API, a worker and Redis, each in a process of its own."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import httpx
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, ViewportSize, expect, sync_playwright

from noisesweep.local.launcher import free_port
from noisesweep.models import hash_api_key
from tests.conftest import RedisServer, wait_until
from tests.faults.conftest import Worker

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# No sandbox, because CI runs as root; and nothing that would look for the internet.
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
PATIENCE_MILLISECONDS = 30_000
KEY = "ns_of-the-browser"
SMALL: dict[str, object] = {"dataset": "digits", "epochs": 3, "hidden_units": [16]}
# It goes on for as long as a test needs, and is stopped by it.
LONG: dict[str, object] = {"dataset": "digits", "epochs": 200, "hidden_units": [512], "batch_size": 8, "reuse": False}
Scheme = Literal["light", "dark"]


class Api:
    """The API in a process that can be stopped and started again at the same address."""

    def __init__(self, environment: dict[str, str], log: Path) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._environment = environment | {"NOISESWEEP_PORT": str(port)}
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "api"], env=self._environment, stdout=output, stderr=subprocess.STDOUT
            )

    def wait_until_ready(self) -> None:
        wait_until(self._answers, seconds=60)

    def stop(self) -> None:
        if self._process:
            self._process.terminate()
            self._process.wait(timeout=30)

    def _answers(self) -> bool:
        assert self._process
        assert self._process.poll() is None, self._log.read_text()
        try:
            return httpx.get(f"{self.url}/readyz").is_success
        except httpx.TransportError:
            return False


class Stack:
    """The service, and another API on the same store that wants a key."""

    def __init__(self, folder: Path) -> None:
        self.store = RedisServer(folder, free_port())
        # The bundled digits are all that there is, whatever lies on this machine.
        nowhere = str(folder / "nowhere")
        environment = os.environ | {
            "NOISESWEEP_REDIS_URL": self.store.url,
            "NOISESWEEP_DATA_DIR": nowhere,
            "KERAS_HOME": nowhere,
            "XDG_CACHE_HOME": nowhere,
            "HTTPS_PROXY": "http://127.0.0.1:9",
        }
        self.api = Api(environment, folder / "api.log")
        keys = {"NOISESWEEP_API_KEYS": f"ada:{hash_api_key(KEY)}"}
        self.guarded = Api(environment | keys, folder / "guarded.log")
        self._worker = Worker(environment, folder / "worker.log", processes=1)
        self.http = httpx.Client(base_url=self.api.url, timeout=30)

    def start(self) -> None:
        for api in (self.api, self.guarded):
            api.start()
        for api in (self.api, self.guarded):
            api.wait_until_ready()

    def submit(self, scales: list[float], **more: object) -> str:
        """Start a sweep, small unless more is said, and return its id."""
        request = SMALL | {"scales": scales} | more
        return str(self.http.post("/sweeps", json=request).raise_for_status().json()["id"])

    def sweep(self, sweep_id: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.http.get(f"/sweeps/{sweep_id}").raise_for_status().json()
        return answer

    def finished(self, scales: list[float], **more: object) -> str:
        """The id of a sweep that has succeeded."""
        sweep_id = self.submit(scales, **more)
        wait_until(lambda: self.sweep(sweep_id)["status"] == "succeeded", seconds=60)
        return sweep_id

    def cancel_all(self) -> None:
        """Leave the worker to the next test."""
        for status in ("queued", "running"):
            for sweep in self.http.get("/sweeps", params={"status": status, "limit": 100}).json()["sweeps"]:
                self.http.post(f"/sweeps/{sweep['id']}/cancel")

    def close(self) -> None:
        self.http.close()
        self._worker.close()
        self.api.stop()
        self.guarded.stop()
        self.store.close()


class Visit:
    """A page of the service in a profile of its own, and what went wrong in it."""

    def __init__(self, page: Page, base: str) -> None:
        self.page = page
        self.faults: list[str] = []
        self._base = base
        page.set_default_timeout(PATIENCE_MILLISECONDS)
        page.on("console", self._listen)
        page.on("pageerror", lambda error: self.faults.append(str(error)))

    def open(self, path: str) -> Page:
        self.page.goto(f"{self._base}{path}")
        return self.page

    def forgive(self, words: str) -> None:
        """Forget faults that a test brings about: the browser itself reports every request that fails."""
        self.faults = [fault for fault in self.faults if words not in fault]

    def _listen(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.faults.append(f"{message.type}: {message.text} ({message.location['url']})")


Visitor = Callable[..., Visit]


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    stack = Stack(tmp_path_factory.mktemp("stack"))
    try:
        stack.start()
        yield stack
    finally:
        stack.close()


@pytest.fixture(scope="package")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"CI has no browser: it needs one of {', '.join(BROWSERS)} on its PATH")
        pytest.skip(f"no browser: none of {', '.join(BROWSERS)} is on the PATH")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=ARGUMENTS)
        expect.set_options(timeout=PATIENCE_MILLISECONDS)
        yield browser
        browser.close()


@pytest.fixture
def visitor(browser: Browser, stack: Stack) -> Iterator[Visitor]:
    """Opens pages; at the end none has reported an error, a warning or a breach of its security policy."""
    visits: list[Visit] = []

    def visit(scheme: Scheme = "light", width: int = 1280, base: str = stack.api.url) -> Visit:
        viewport: ViewportSize = {"width": width, "height": 900}
        context = browser.new_context(color_scheme=scheme, viewport=viewport, accept_downloads=True)
        visits.append(Visit(context.new_page(), base))
        return visits[-1]

    yield visit
    stack.cancel_all()
    faults = [fault for each in visits for fault in each.faults]
    for each in visits:
        each.page.context.close()
    assert faults == []


@pytest.fixture
def visit(visitor: Visitor) -> Visit:
    return visitor()


@pytest.fixture(scope="package")
def finished(stack: Stack) -> str:
    """The id of a sweep that has succeeded, with all that a page can show of it."""
    return stack.finished([0.2, 1.0, 4.0], include_clean=True, repeats=2, name="finished", tags={"course": "ml-101"})


@pytest.fixture(scope="package")
def other(stack: Stack) -> str:
    """Likewise, with another setting."""
    return stack.finished([0.2, 2.0], noise_on="train", name="other")
