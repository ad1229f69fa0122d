"""Accessibility and layout of every page, in light and dark."""

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import Scheme, Visitor, assert_accessible

PHONE_WIDTH = 360
TEXT_COLOUR = {"light": "rgb(27, 27, 29)", "dark": "rgb(236, 236, 236)"}


@pytest.fixture(params=["home", "sweep", "compare", "class", "workers", "run", "problems", "problem"])
def path(request: pytest.FixtureRequest, finished: str, other: str) -> str:
    return {
        "home": "/ui",
        "sweep": f"/ui/sweeps/{finished}",
        "compare": f"/ui/compare?sweep={finished}&sweep={other}",
        "class": "/ui/class?tag=course:ml-101",
        "workers": "/ui/workers",
        "run": f"/ui/runs/{finished}-3",
        "problems": "/problems",
        "problem": "/problems/not-found",
    }[request.param]


def wait_until_drawn(page: Page) -> Page:
    """Wait until the page has drawn all data, and return it."""
    page.wait_for_load_state("networkidle")
    if page.locator(".chart:visible").count():
        expect(page.locator(".chart .main-svg").first).to_be_visible()
    return page


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_is_accessible(visitor: Visitor, path: str, scheme: Scheme) -> None:
    page = wait_until_drawn(visitor(scheme).open(path))
    for details in page.locator("details:visible").all():
        details.evaluate("details => details.open = true")
    assert_accessible(page)


@pytest.mark.parametrize("button", ["Extend", "Copy as code", "Edit name and tags", "Delete"])
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


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_unknown_page_is_accessible_and_leads_back(visitor: Visitor, scheme: Scheme) -> None:
    visit = visitor(scheme, width=PHONE_WIDTH)
    page = visit.open("/ui/sweeps/nothing/here")
    expect(page.get_by_role("heading", level=1)).to_have_text("Page not found")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE_WIDTH
    assert_accessible(page)
    page.get_by_role("link", name="All sweeps").click()
    expect(page.locator("#estimate")).to_contain_text("runs")
    visit.ignore_errors("status of 404")


# What Swagger UI builds: a link inside a button, buttons and fields without names, and areas that only a mouse scrolls.
OF_SWAGGER = ("button-name", "label", "nested-interactive", "scrollable-region-focusable", "select-name")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_api_documentation_has_the_header_and_colours_of_the_pages(visitor: Visitor, scheme: Scheme) -> None:
    page = visitor(scheme, width=PHONE_WIDTH).open("/docs")
    expect(page.get_by_role("link", name="API", exact=True)).to_have_attribute("aria-current", "page")
    operation = page.locator("#operations-queue-get_queue")
    operation.click()
    operation.get_by_role("button", name="Try it out").click()
    operation.get_by_role("button", name="Execute").click()
    expect(operation.locator(".live-responses-table")).to_contain_text("queued_runs")
    expect(page.locator(".swagger-ui .info .title")).to_have_css("color", TEXT_COLOUR[scheme])
    assert_accessible(page, known=OF_SWAGGER)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE_WIDTH
    page.locator("#pages").get_by_role("link", name="Workers").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Workers")


@pytest.mark.parametrize("width", [PHONE_WIDTH, 390, 1440])
def test_tables_hide_no_rows_and_no_columns(visitor: Visitor, path: str, width: int) -> None:
    page = wait_until_drawn(visitor(width=width).open(path))
    for region in page.locator(".scroll:visible").all():
        height, shown = region.evaluate("each => [each.scrollHeight, each.clientHeight]")
        assert height <= shown
        if region.evaluate("each => each.scrollWidth > each.clientWidth"):
            expect(region).to_have_attribute("data-overflows", "")
            assert region.locator(".heatmap").count() == 1
    for cell in page.locator(".scroll table:not(.heatmap) :is(th, td):visible").all():
        box = cell.bounding_box()
        assert box
        assert box["x"] + box["width"] <= width


def test_cells_name_their_columns_on_a_phone(visitor: Visitor, finished: str) -> None:
    page = wait_until_drawn(visitor(width=390).open(f"/ui/sweeps/{finished}"))
    cell = page.locator("#metrics tbody tr").first.locator("td").nth(2)
    shown = cell.evaluate("each => getComputedStyle(each, '::before').content")
    assert "Accuracy on validation images" in shown
    expect(page.locator("#metrics thead")).not_to_be_in_viewport()
