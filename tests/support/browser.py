"""A service for a browser to look at, and pages that report what goes wrong in them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import ConsoleMessage, Page

from noisesweep.models import hash_api_key
from tests.support.api import ApiProcess
from tests.support.service import Service, without_data_sets
from tests.support.waiting import wait_until

PATIENCE_MILLISECONDS = 30_000
KEY = "ns_of-the-browser"
SMALL: dict[str, object] = {"dataset": "digits", "epochs": 3, "hidden_units": [16]}
# It goes on for as long as a test needs, and is stopped by it.
LONG: dict[str, object] = {"dataset": "digits", "epochs": 200, "hidden_units": [512], "batch_size": 8, "reuse": False}
Scheme = Literal["light", "dark"]


class Stack:
    """The service, and another API on the same store that wants a key."""

    def __init__(self, folder: Path) -> None:
        environment = without_data_sets(folder)
        self._service = Service(folder, environment)
        self.api, self.http = self._service.api, self._service.http
        keys = {"NOISESWEEP_API_KEYS": f"ada:{hash_api_key(KEY)}"}
        self.guarded = ApiProcess(self._service.environment | keys, folder / "guarded.log")

    def start(self) -> None:
        self._service.start_worker(processes=1)
        self.api.wait_until_ready()
        self.guarded.wait_until_ready()

    def submit(self, scales: list[float], **more: object) -> str:
        """Start a sweep, small unless more is said, and return its id."""
        return self._service.submit(SMALL | {"scales": scales} | more)

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
        self.guarded.close()
        self._service.close()


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
