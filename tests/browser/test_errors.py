"""Errors that the pages report and recover from without a reload."""

import re

import pytest
from playwright.sync_api import Page, Route, expect

from tests.support.browser import KEY, LONG, BrowserService, Visit, Visitor, count_points
from tests.support.waiting import wait_until

UNKNOWN_ID = "0000000000000000"


@pytest.fixture(scope="module")
def reused(service: BrowserService) -> str:
    """Return the id of a sweep whose runs are all reused."""
    service.finished([0.45, 0.9])
    return service.finished([0.45, 0.9])


def respond_503(route: Route) -> None:
    route.fulfill(status=503, json={"detail": "The store does not respond."})


def fail_once(page: Page, url_pattern: str) -> list[str]:
    """Make the first request to a matching URL fail. Return a list that receives the URL."""
    failed: list[str] = []

    def fail(route: Route) -> None:
        failed.append(route.request.url)
        respond_503(route)

    page.route(re.compile(url_pattern), fail, times=1)
    return failed


@pytest.mark.parametrize(
    "url_pattern",
    [
        r"[0-9]/sweeps/\w+$",
        "/summary$",
        "/sweeps/[^/]*/plot\\?kind=matrix",
        "/events$",
        "/noise/samples",
        "/runs/",
        r"/datasets/\w+$",
        r"/plot\?kind=accuracy",
        r"/plot\?kind=epochs",
    ],
)
def test_failed_request_is_retried(visit: Visit, reused: str, url_pattern: str) -> None:
    failed = fail_once(visit.page, url_pattern)
    page = visit.open(f"/ui/sweeps/{reused}")
    expect(page.locator("#sentence")).to_contain_text("Validation accuracy")
    expect(page.locator("#matrix tbody tr")).to_have_count(2)
    expect(page.locator("#confusion tbody tr")).to_have_count(10)
    expect(page.locator("#samples canvas")).to_have_count(6)
    expect(page.locator("#by-epoch .scatterlayer .js-line")).to_have_count(2)
    expect(page.locator("#connection")).to_be_hidden()
    assert len(failed) == 1
    visit.ignore_errors("status of 503")


def test_data_set_description_is_retried(visit: Visit) -> None:
    failed = fail_once(visit.page, "/datasets$")
    page = visit.open("/ui")
    expect(page.locator("#dataset-help")).to_contain_text("60,000 images")
    assert len(failed) == 1
    visit.ignore_errors("status of 503")


def test_scales_that_train_the_same_are_named(visit: Visit) -> None:
    page = visit.open("/ui")
    page.get_by_role("button", name="none").click()
    page.get_by_label("Noise scales").last.fill("0.3 0.30000000000000004 0.30000004 ")
    expect(page.locator(".chip")).to_have_text(["0.3", "0.30000000000000004", "0.30000004"])
    expect(page.locator("#scales-error")).to_contain_text("0.3 and 0.30000000000000004, which equal 0.3 in float32")
    page.get_by_role("button", name="Remove scale 0.30000000000000004").click()
    expect(page.locator("#scales-error")).to_be_hidden()
    visit.ignore_errors("status of 422")


def test_error_of_an_action_stays_until_the_next_action(visit: Visit, service: BrowserService) -> None:
    page = visit.open(f"/ui/sweeps/{service.submit([0.5], **LONG)}")
    expect(page.locator("#status")).to_have_text("running")
    page.route("**/cancel", respond_503, times=1)
    cancel = page.get_by_role("button", name="Cancel")
    cancel.click()
    expect(page.get_by_role("alert")).to_have_text("The store does not respond.")
    page.evaluate("dispatchEvent(new Event('focus'))")
    page.wait_for_timeout(1000)  # background requests succeed in this time
    expect(page.get_by_role("alert")).to_have_text("The store does not respond.")
    cancel.click()
    expect(page.locator("#status")).to_have_text("cancelled")
    expect(page.get_by_role("alert")).to_be_hidden()
    visit.ignore_errors("status of 503")


def test_unknown_sweep_is_reported(visit: Visit) -> None:
    page = visit.open(f"/ui/sweeps/{UNKNOWN_ID}")
    expect(page.get_by_role("alert")).to_contain_text("No sweep has the id")
    expect(page.get_by_role("main").get_by_role("button")).to_have_count(0)
    expect(page.get_by_role("heading")).to_have_count(1)
    visit.open("/ui/sweeps/%zz")
    expect(page.get_by_role("alert")).to_contain_text("No sweep has the id")
    visit.ignore_errors("status of 404")


def test_escape_does_not_close_the_key_dialog(visitor: Visitor, service: BrowserService) -> None:
    visit = visitor(base=service.api_with_keys.url)
    page = visit.open("/ui")
    field = page.get_by_role("dialog").get_by_label("API key")
    expect(field).to_be_focused()
    for _ in range(3):
        page.keyboard.press("Escape")
    expect(field).to_be_focused()
    field.fill(KEY)
    field.press("Enter")
    expect(page.locator("#estimate")).to_contain_text("5 runs")
    expect(page.get_by_role("dialog")).to_be_hidden()
    visit.ignore_errors("status of 401")


def test_invalid_key_is_rejected_in_the_dialog(visitor: Visitor, service: BrowserService) -> None:
    visit = visitor(base=service.api_with_keys.url)
    page = visit.open("/ui")
    field = page.get_by_role("dialog").get_by_label("API key")
    field.fill("ns_ключ")
    field.press("Enter")
    assert "ASCII" in field.evaluate("field => field.validationMessage")
    expect(field).to_be_visible()
    field.fill(f" {KEY} ")
    field.press("Enter")
    expect(page.locator("#estimate")).to_contain_text("5 runs")
    visit.ignore_errors("status of 401")


def test_comparison_leaves_out_unknown_sweeps(visit: Visit, finished: str, other: str) -> None:
    failed = fail_once(visit.page, f"[0-9]/sweeps/{other}$")
    page = visit.open(f"/ui/compare?sweep={finished}&sweep={UNKNOWN_ID}&sweep={other}")
    expect(page.locator("#compare-status")).to_contain_text(UNKNOWN_ID)
    expect(page.locator("#values thead th")).to_have_text(["Scale", "finished", "other"])
    wait_until(lambda: count_points(page, "overlay") == 7)  # of both curves, and one half-way mark
    # The sweeps differ in the noise of the validation images, so there is no best possible accuracy for both.
    expect(page.locator("#overlay-note")).to_contain_text("Dotted line: chance.")
    expect(page.locator("#overlay-note")).not_to_contain_text("Grey band")
    assert len(failed) == 1
    visit.ignore_errors("status of 404")
    visit.ignore_errors("status of 503")


def test_class_page_says_that_the_service_does_not_respond_and_recovers(visit: Visit, finished: str) -> None:
    failed = fail_once(visit.page, r"[0-9]/class\?")
    page = visit.open("/ui/class?tag=course:ml-101")
    expect(page.locator("#connection")).to_contain_text("does not respond")
    expect(page.locator("#class-sweeps")).to_contain_text("finished")
    expect(page.locator("#connection")).to_be_hidden()
    assert len(failed) == 1
    visit.ignore_errors("status of 503")


def test_selection_on_other_pages_can_be_cleared(visit: Visit, service: BrowserService) -> None:
    names = ("selected", "selected too")
    for name in names:
        service.submit([0.2], name=name)
    page = visit.open("/ui")
    for name in names:
        page.get_by_role("checkbox", name=f"Compare {name}", exact=True).check()
    page.get_by_label("Name starts with").fill("selected too")
    expect(page.locator("#sweeps .name")).to_have_count(1)
    expect(page.locator("#selection")).to_have_text("2 sweeps selected.")
    page.get_by_role("button", name="Clear selection").click()
    expect(page.get_by_role("button", name="Compare")).to_be_disabled()
    expect(page.get_by_role("checkbox", name="Compare selected too")).not_to_be_checked()
