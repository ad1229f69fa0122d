"""Browser tests against the whole service: the API, a worker and Redis, each in its own process."""

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, ViewportSize, expect, sync_playwright

from tests.support.browser import TIMEOUT_MILLISECONDS, BrowserService, Scheme, Visit, Visitor

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# Without the sandbox, which does not work as root in CI, and without background requests to the internet.
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


@pytest.fixture(scope="package")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowserService]:
    service = BrowserService(tmp_path_factory.mktemp("stack"))
    try:
        service.start()
        yield service
    finally:
        service.close()


@pytest.fixture(scope="package")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    executable = next(filter(None, map(shutil.which, BROWSERS)), None)
    if executable is None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"CI must have a browser on its PATH: one of {', '.join(BROWSERS)}")
        pytest.skip(f"no browser on the PATH: expected one of {', '.join(BROWSERS)}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        expect.set_options(timeout=TIMEOUT_MILLISECONDS)
        yield browser
        browser.close()


@pytest.fixture
def visitor(browser: Browser, service: BrowserService) -> Iterator[Visitor]:
    """Yield a function that opens pages. Fail if a page reports an error, a warning or a CSP violation."""
    visits: list[Visit] = []

    def visit(scheme: Scheme = "light", width: int = 1280, base: str = service.api.url) -> Visit:
        viewport: ViewportSize = {"width": width, "height": 900}
        # The browser does not know the authority of the tests.
        context = browser.new_context(
            color_scheme=scheme, viewport=viewport, accept_downloads=True, ignore_https_errors=True
        )
        visits.append(Visit(context.new_page(), base))
        return visits[-1]

    yield visit
    service.cancel_all()
    faults = [fault for each in visits for fault in each.errors]
    for each in visits:
        each.page.context.close()
    assert faults == []


@pytest.fixture
def visit(visitor: Visitor) -> Visit:
    return visitor()


@pytest.fixture(scope="package")
def finished(service: BrowserService) -> str:
    """Return the id of a finished sweep that has every result a page can show."""
    return service.finished([0.2, 1.0, 4.0], include_clean=True, repeats=2, name="finished", tags={"course": "ml-101"})


@pytest.fixture(scope="package")
def other(service: BrowserService) -> str:
    """Return the id of a finished sweep with another setting than `finished`."""
    return service.finished([0.2, 2.0], noise_on="train", name="other")
