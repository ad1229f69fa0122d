"""A service for browser tests, and pages that record their errors."""

import json
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import ConsoleMessage, Page

from noisesweep.models import hash_api_key
from tests.support.api import ApiProcess
from tests.support.service import Service, without_data_sets
from tests.support.waiting import wait_until

TIMEOUT_MILLISECONDS = 30_000
KEY = "ns_of-the-browser"
GUEST_KEY = "ns_of-a-viewer"
SMALL: dict[str, object] = {"dataset": "digits", "epochs": 3, "hidden_units": [16]}
# Runs longer than any test; the test cancels it.
LONG: dict[str, object] = {"dataset": "digits", "epochs": 200, "hidden_units": [512], "batch_size": 8, "reuse": False}
SERIOUS = ("serious", "critical")
Scheme = Literal["light", "dark"]


class BrowserService:
    """Service with a second API on the same store that requires a key: that of the member ada or the viewer guest."""

    def __init__(self, folder: Path) -> None:
        environment = without_data_sets(folder)
        self._service = Service(folder, environment)
        self.api, self.http, self.redis = self._service.api, self._service.http, self._service.redis
        guest = f"guest:{hash_api_key(GUEST_KEY)}:viewer"
        keys = {"NOISESWEEP_API_KEYS": f"ada:{hash_api_key(KEY)},{guest}"}
        self.api_with_keys = ApiProcess(self._service.environment | keys, folder / "api-with-keys.log")

    def serve_below(self, root_path: str, folder: Path) -> ApiProcess:
        """Return another API on the same store, for a proxy that serves it below a path."""
        api = ApiProcess(self._service.environment | {"NOISESWEEP_ROOT_PATH": root_path}, folder / "api.log")
        api.wait_until_ready()
        return api

    def start(self) -> None:
        self._service.start_worker(processes=1)
        self.api.wait_until_ready()
        self.api_with_keys.wait_until_ready()

    def submit(self, scales: list[float], **more: object) -> str:
        """Submit a sweep and return its id. It is small unless `more` overrides the defaults."""
        return self._service.submit(SMALL | {"scales": scales} | more)

    def sweep(self, sweep_id: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.http.get(f"/sweeps/{sweep_id}").raise_for_status().json()
        return answer

    def finished(self, scales: list[float], **more: object) -> str:
        """Submit a sweep, wait until it succeeds, and return its id."""
        sweep_id = self.submit(scales, **more)
        wait_until(lambda: self.sweep(sweep_id)["status"] == "succeeded", seconds=60)
        return sweep_id

    def cancel_all(self) -> None:
        """Cancel all sweeps, so that the worker is free for the next test."""
        for status in ("queued", "running"):
            for sweep in self.http.get("/sweeps", params={"status": status, "limit": 100}).json()["sweeps"]:
                self.http.post(f"/sweeps/{sweep['id']}/cancel")

    def close(self) -> None:
        self.api_with_keys.close()
        self._service.close()


# A headless browser has no background tabs, so tests set the visibility themselves.
SET_HIDDEN = """hidden => {
    Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
}"""


def set_hidden(page: Page, *, hidden: bool) -> None:
    page.evaluate(SET_HIDDEN, hidden)


class Visit:
    """Page of the service in a new browser profile, with the errors that occurred in it.

    Attributes:
        base: The URL of the service.
    """

    def __init__(self, page: Page, base: str) -> None:
        self.page = page
        self.errors: list[str] = []
        self.base = base
        page.set_default_timeout(TIMEOUT_MILLISECONDS)
        page.on("console", self._listen)
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def open(self, path: str) -> Page:
        self.page.goto(f"{self.base}{path}")
        return self.page

    def ignore_errors(self, text: str) -> None:
        """Remove errors that a test expects. The browser reports every failed request as an error."""
        self.errors = [error for error in self.errors if text not in error]

    def _listen(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.errors.append(f"{message.type}: {message.text} ({message.location['url']})")


Visitor = Callable[..., Visit]


def count_points(page: Page, chart: str) -> int:
    """Return the number of visible points of a chart, with the mark of the half-way scale if there is one."""
    return page.locator(f"#{chart} .scatterlayer .points path:visible").count()


def assert_accessible(page: Page, known: Collection[str] = ()) -> None:
    """Fail if axe finds serious problems, apart from those with known ids, which are in the code of others."""
    violations: list[dict[str, Any]] = Axe().run(page).response["violations"]
    serious = [each for each in violations if each["impact"] in SERIOUS and each["id"] not in known]
    assert not serious, json.dumps(serious, indent=1)[:4000]
