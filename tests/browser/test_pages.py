"""What holds for every page: anybody can use it, on any screen, in light and in dark."""

import json
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.support.browser import Scheme, Visitor

PHONE_WIDTH = 360
SERIOUS = ("serious", "critical")


@pytest.fixture(params=["home", "sweep", "compare", "workers"])
def address(request: pytest.FixtureRequest, finished: str, other: str) -> str:
    return {
        "home": "/ui",
        "sweep": f"/ui/sweeps/{finished}",
        "compare": f"/ui/compare?sweep={finished}&sweep={other}",
        "workers": "/ui/workers",
    }[request.param]


def settled(page: Page) -> Page:
    """The page once all that it fetches has been drawn."""
    page.wait_for_load_state("networkidle")
    if page.locator(".chart").count():
        expect(page.locator(".chart .main-svg").first).to_be_visible()
    return page


def assert_usable_by_anybody(page: Page) -> None:
    violations: list[dict[str, Any]] = Axe().run(page).response["violations"]
    serious = [violation for violation in violations if violation["impact"] in SERIOUS]
    assert not serious, json.dumps(serious, indent=1)[:4000]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(visitor: Visitor, address: str, scheme: Scheme) -> None:
    page = settled(visitor(scheme).open(address))
    for details in page.locator("details:visible").all():
        details.evaluate("details => details.open = true")
    assert_usable_by_anybody(page)


@pytest.mark.parametrize("button", ["Extend", "Copy as code"])
def test_axe_finds_nothing_serious_in_what_opens(visitor: Visitor, finished: str, button: str) -> None:
    page = settled(visitor("dark").open(f"/ui/sweeps/{finished}"))
    page.get_by_role("button", name=button).click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert_usable_by_anybody(page)


def test_a_page_fits_a_phone(visitor: Visitor, address: str) -> None:
    page = settled(visitor(width=PHONE_WIDTH).open(address))
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE_WIDTH
    assert_usable_by_anybody(page)


def test_a_page_turns_dark_with_the_system_and_its_charts_with_it(visitor: Visitor, finished: str) -> None:
    page = settled(visitor("light").open(f"/ui/sweeps/{finished}"))
    label = page.locator("#by-scale .xtick text").first
    before = label.evaluate("text => getComputedStyle(text).fill")
    page.emulate_media(color_scheme="dark")
    expect(page.locator("body")).to_have_css("background-color", "rgb(21, 24, 28)")
    expect(label).not_to_have_css("fill", before)
