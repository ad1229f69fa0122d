"""Pages that are left and come back to, and what happens elsewhere meanwhile."""

import re

from playwright.sync_api import Page, expect

from tests.support.browser import LONG, Stack, Visit
from tests.support.waiting import wait_until

# A browser without a window has no tab behind another.
LOOK = """hidden => {
    Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
}"""


def look(page: Page, *, away: bool) -> None:
    page.evaluate(LOOK, away)


def test_a_page_that_nobody_sees_holds_no_connection_and_goes_on_where_it_was(visit: Visit, stack: Stack) -> None:
    page, sweep_id = visit.page, stack.submit([0.5], **LONG)
    begun, ended = [], []
    page.on("request", lambda request: begun.append(request) if request.url.endswith("/events") else None)
    page.on("requestfailed", lambda request: ended.append(request) if request.url.endswith("/events") else None)
    visit.open(f"/ui/sweeps/{sweep_id}")
    bar = page.locator("#runs progress")
    wait_until(lambda: bar.count() and bar.evaluate("bar => bar.value") > 0)
    look(page, away=True)
    wait_until(lambda: page.evaluate("1") and ended == begun)
    look(page, away=False)
    look(page, away=True)
    look(page, away=False)
    wait_until(lambda: page.evaluate("1") and len(begun) == len(ended) + 1)
    assert "last-event-id" in begun[-1].headers
    seen = bar.evaluate("bar => bar.value")
    wait_until(lambda: bar.evaluate("bar => bar.value") > seen + 1)
    stack.http.post(f"/sweeps/{sweep_id}/cancel")
    expect(page.locator("#status")).to_have_text("cancelled")


def test_a_sweep_that_is_extended_elsewhere_is_watched_again(visit: Visit, stack: Stack) -> None:
    sweep_id = stack.finished([0.15])
    page = visit.open(f"/ui/sweeps/{sweep_id}")
    expect(page.locator("#figures tbody tr")).to_have_count(1)
    page.wait_for_load_state("networkidle")
    stack.http.post(f"/sweeps/{sweep_id}/runs", json={"scales": [0.65]}).raise_for_status()
    page.evaluate("dispatchEvent(new Event('focus'))")
    expect(page.locator("#runs tbody tr")).to_have_count(2)
    expect(page.locator("#figures tbody tr")).to_have_count(2)


def test_of_a_sweep_that_is_watched_the_noisiest_run_is_shown_unless_another_is_chosen(
    visit: Visit, stack: Stack
) -> None:
    sweep_id = stack.submit([0.55, 1.1], epochs=30, reuse=False)
    page = visit.open(f"/ui/sweeps/{sweep_id}")
    shown = page.locator("#confusion-run option:checked")
    expect(page.locator("#status")).to_have_text("succeeded")
    expect(shown).to_have_text("scale 1.1")
    page.get_by_label("Run", exact=True).select_option("scale 0.55")
    stack.http.post(f"/sweeps/{sweep_id}/runs", json={"scales": [2.2]}).raise_for_status()
    page.evaluate("dispatchEvent(new Event('focus'))")
    expect(page.locator("#confusion-run option")).to_have_count(3)
    expect(shown).to_have_text("scale 0.55")


def test_one_click_starts_a_sweep_with_the_scale_that_is_being_typed(visit: Visit, stack: Stack) -> None:
    page = visit.open("/ui")
    page.get_by_label("Data set", exact=True).first.select_option("digits")
    page.get_by_label("Name", exact=True).fill("one click")
    page.get_by_role("button", name="none").click()
    entry, chips = page.get_by_label("Noise scales").last, page.locator(".chips").first
    # The chip that begins another line would move the button away from under the mouse.
    heights = [chips.evaluate("chips => chips.offsetHeight")]
    scales = (f"0.{digits}" for digits in range(11, 99))
    while heights[-1] == heights[0]:
        last = next(scales)
        entry.press_sequentially(last)
        entry.press("Enter")
        heights.append(chips.evaluate("chips => chips.offsetHeight"))
    entry.press("Backspace")
    entry.press_sequentially(last)
    expect(page.locator("#estimate")).to_contain_text("runs")
    page.get_by_role("button", name="Start the sweep").click()
    page.wait_for_url(re.compile(r"/ui/sweeps/"))
    (sweep,) = stack.http.get("/sweeps", params={"name": "one click"}).json()["sweeps"]
    assert float(last) in sweep["scales"]
    visit.forgive("dry_run=true")  # an estimate asked for while there was no scale, if typing was slow


def test_after_going_back_another_sweep_is_started(visit: Visit, stack: Stack) -> None:
    page = visit.open("/ui")
    page.get_by_label("Data set", exact=True).first.select_option("digits")
    page.get_by_label("Name", exact=True).fill("and back")
    page.route("**/ui/sweeps/*", lambda route: route.fulfill(status=204))  # the page is left as it is, and stays
    start = page.get_by_role("button", name="Start the sweep")
    start.click()
    expect(start).to_be_disabled()
    wait_until(lambda: len(sweeps_named(stack, "and back")) == 1)
    # As from the browser's cache of pages, which this browser is started without.
    page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    start.click()
    wait_until(lambda: len(sweeps_named(stack, "and back")) == 2)


def sweeps_named(stack: Stack, name: str) -> list[object]:
    sweeps: list[object] = stack.http.get("/sweeps", params={"name": name}).json()["sweeps"]
    return sweeps
