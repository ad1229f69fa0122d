"""A browser before the service as it runs: the API, a worker and Redis, each in a process of its own."""

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, ViewportSize, expect, sync_playwright

from tests.support.browser import PATIENCE_MILLISECONDS, Scheme, Stack, Visit, Visitor

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# No sandbox, because CI runs as root; and nothing that would look for the internet.
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


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
