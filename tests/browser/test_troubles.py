"""What goes wrong on the way, and comes right without reloading."""

import re

import pytest
from playwright.sync_api import Page, Route, expect

from tests.support.browser import KEY, LONG, Stack, Visit, Visitor

NOWHERE = "0000000000000000"


@pytest.fixture(scope="module")
def reused(stack: Stack) -> str:
    """The id of a sweep whose runs were trained for another."""
    stack.finished([0.45, 0.9])
    return stack.finished([0.45, 0.9])


def failing(route: Route) -> None:
    route.fulfill(status=503, json={"detail": "The store does not answer."})


def fail_once(page: Page, address: str) -> list[str]:
    """Let the first read of an address (a pattern) fail, and return where that is noted."""
    failed: list[str] = []

    def fail(route: Route) -> None:
        failed.append(route.request.url)
        failing(route)

    page.route(re.compile(address), fail, times=1)
    return failed


@pytest.mark.parametrize(
    "read",
    [
        r"[0-9]/sweeps/\w+$",
        "/summary$",
        "/results$",
        "/events$",
        "/noise/samples",
        "/runs/",
        "/datasets$",
        r"/plot\?kind=accuracy",
        r"/plot\?kind=epochs",
    ],
)
def test_a_read_that_fails_once_leaves_nothing_out(visit: Visit, reused: str, read: str) -> None:
    failed = fail_once(visit.page, read)
    page = visit.open(f"/ui/sweeps/{reused}")
    expect(page.locator("#sentence")).to_contain_text("Validation accuracy")
    expect(page.locator("#matrix tbody tr")).to_have_count(2)
    expect(page.locator("#confusion tbody tr")).to_have_count(10)
    expect(page.locator("#samples canvas")).to_have_count(6)
    expect(page.locator("#by-epoch .scatterlayer .js-line")).to_have_count(2)
    expect(page.locator("#connection")).to_be_hidden()
    assert len(failed) == 1
    visit.forgive("status of 503")


def test_the_data_sets_are_described_after_a_first_failure(visit: Visit) -> None:
    failed = fail_once(visit.page, "/datasets$")
    page = visit.open("/ui")
    expect(page.locator("#dataset-help")).to_contain_text("training images")
    assert len(failed) == 1
    visit.forgive("status of 503")


def test_what_went_wrong_for_a_person_is_said_until_they_ask_again(visit: Visit, stack: Stack) -> None:
    page = visit.open(f"/ui/sweeps/{stack.submit([0.5], **LONG)}")
    expect(page.locator("#status")).to_have_text("running")
    page.route("**/cancel", failing, times=1)
    cancel = page.get_by_role("button", name="Cancel")
    cancel.click()
    expect(page.get_by_role("alert")).to_have_text("The store does not answer.")
    page.evaluate("dispatchEvent(new Event('focus'))")
    page.wait_for_timeout(1000)  # of reads that succeed
    expect(page.get_by_role("alert")).to_have_text("The store does not answer.")
    cancel.click()
    expect(page.locator("#status")).to_have_text("cancelled")
    expect(page.get_by_role("alert")).to_be_hidden()
    visit.forgive("status of 503")


def test_a_sweep_that_is_not_there_is_said_to_be_missing(visit: Visit) -> None:
    page = visit.open(f"/ui/sweeps/{NOWHERE}")
    expect(page.get_by_role("alert")).to_contain_text("No sweep has the id")
    expect(page.get_by_role("main").get_by_role("button")).to_have_count(0)
    expect(page.get_by_role("heading")).to_have_count(1)
    visit.open("/ui/sweeps/%zz")
    expect(page.get_by_role("alert")).to_contain_text("No sweep has the id")
    visit.forgive("status of 404")


def test_escape_does_not_close_what_asks_for_the_key(visitor: Visitor, stack: Stack) -> None:
    visit = visitor(base=stack.guarded.url)
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
    visit.forgive("status of 401")


def test_a_key_that_no_header_can_bring_is_refused_where_it_is_typed(visitor: Visitor, stack: Stack) -> None:
    visit = visitor(base=stack.guarded.url)
    page = visit.open("/ui")
    field = page.get_by_role("dialog").get_by_label("API key")
    field.fill("ns_ключ")
    field.press("Enter")
    assert "ASCII" in field.evaluate("field => field.validationMessage")
    expect(field).to_be_visible()
    field.fill(f" {KEY} ")
    field.press("Enter")
    expect(page.locator("#estimate")).to_contain_text("5 runs")
    visit.forgive("status of 401")


def test_sweeps_are_compared_without_those_that_are_gone(visit: Visit, finished: str, other: str) -> None:
    failed = fail_once(visit.page, f"[0-9]/sweeps/{other}$")
    page = visit.open(f"/ui/compare?sweep={finished}&sweep={NOWHERE}&sweep={other}")
    expect(page.locator("#compared-status")).to_contain_text(NOWHERE)
    expect(page.locator("#values thead th")).to_have_text(["Scale", "finished", "other"])
    expect(page.locator("#overlay .scatterlayer .js-line")).to_have_count(2)
    assert len(failed) == 1
    visit.forgive("status of 404")
    visit.forgive("status of 503")


def test_sweeps_that_are_ticked_and_not_on_show_can_be_unticked(visit: Visit, stack: Stack) -> None:
    names = ("ticked", "ticked too")
    for name in names:
        stack.submit([0.2], name=name)
    page = visit.open("/ui")
    for name in names:
        page.get_by_role("checkbox", name=f"Compare {name}", exact=True).check()
    page.get_by_label("Name begins with").fill("ticked too")
    expect(page.locator("#sweeps .name")).to_have_count(1)
    expect(page.locator("#ticked")).to_have_text("2 sweeps ticked.")
    page.get_by_role("button", name="Untick all").click()
    expect(page.get_by_role("button", name="Compare")).to_be_disabled()
    expect(page.get_by_role("checkbox", name="Compare ticked too")).not_to_be_checked()
