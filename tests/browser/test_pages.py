"""Accessibility and layout of every page, in light and dark."""

import json
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.support.browser import Scheme, Visitor

PHONE_WIDTH = 360
SERIOUS = ("serious", "critical")


@pytest.fixture(params=["home", "sweep", "compare", "class", "workers"])
def path(request: pytest.FixtureRequest, finished: str, other: str) -> str:
    return {
        "home": "/ui",
        "sweep": f"/ui/sweeps/{finished}",
        "compare": f"/ui/compare?sweep={finished}&sweep={other}",
        "class": "/ui/class?tag=course:ml-101",
        "workers": "/ui/workers",
    }[request.param]


def wait_until_drawn(page: Page) -> Page:
    """Wait until the page has drawn all data, and return it."""
    page.wait_for_load_state("networkidle")
    if page.locator(".chart").count():
        expect(page.locator(".chart .main-svg").first).to_be_visible()
    return page


def assert_accessible(page: Page) -> None:
    """Fail if axe finds serious problems."""
    violations: list[dict[str, Any]] = Axe().run(page).response["violations"]
    serious = [violation for violation in violations if violation["impact"] in SERIOUS]
    assert not serious, json.dumps(serious, indent=1)[:4000]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_is_accessible(visitor: Visitor, path: str, scheme: Scheme) -> None:
    page = wait_until_drawn(visitor(scheme).open(path))
    for details in page.locator("details:visible").all():
        details.evaluate("details => details.open = true")
    assert_accessible(page)


@pytest.mark.parametrize("button", ["Extend", "Copy as code"])
def test_dialog_is_accessible(visitor: Visitor, finished: str, button: str) -> None:
    page = wait_until_drawn(visitor("dark").open(f"/ui/sweeps/{finished}"))
    page.get_by_role("button", name=button).click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert_accessible(page)


def test_page_fits_a_phone_screen(visitor: Visitor, path: str) -> None:
    page = wait_until_drawn(visitor(width=PHONE_WIDTH).open(path))
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE_WIDTH
    assert_accessible(page)


def test_page_and_charts_follow_the_color_scheme(visitor: Visitor, finished: str) -> None:
    page = wait_until_drawn(visitor("light").open(f"/ui/sweeps/{finished}"))
    label = page.locator("#by-scale .xtick text").first
    before = label.evaluate("text => getComputedStyle(text).fill")
    page.emulate_media(color_scheme="dark")
    expect(page.locator("body")).to_have_css("background-color", "rgb(21, 24, 28)")
    expect(label).not_to_have_css("fill", before)
