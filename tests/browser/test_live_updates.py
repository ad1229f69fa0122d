"""Hidden tabs, the Back button, and changes that other clients make."""

import re

from playwright.sync_api import expect

from tests.support.browser import LONG, BrowserService, Visit, set_hidden
from tests.support.waiting import wait_until


def test_hidden_page_disconnects_and_resumes_when_visible(visit: Visit, service: BrowserService) -> None:
    page, sweep_id = visit.page, service.submit([0.5], **LONG)
    opened, closed = [], []
    page.on("request", lambda request: opened.append(request) if request.url.endswith("/events") else None)
    page.on("requestfailed", lambda request: closed.append(request) if request.url.endswith("/events") else None)
    visit.open(f"/ui/sweeps/{sweep_id}")
    bar = page.locator("#runs progress")
    wait_until(lambda: bar.count() and bar.evaluate("bar => bar.value") > 0)
    # The first value may come from the sweep as the page has read it. A larger one comes from an event.
    first = bar.evaluate("bar => bar.value")
    wait_until(lambda: bar.evaluate("bar => bar.value") > first)
    set_hidden(page, hidden=True)
    wait_until(lambda: page.evaluate("1") and closed == opened)
    set_hidden(page, hidden=False)
    set_hidden(page, hidden=True)
    set_hidden(page, hidden=False)
    wait_until(lambda: page.evaluate("1") and len(opened) == len(closed) + 1)
    assert "last-event-id" in opened[-1].headers
    seen = bar.evaluate("bar => bar.value")
    wait_until(lambda: bar.evaluate("bar => bar.value") > seen + 1)
    service.http.post(f"/sweeps/{sweep_id}/cancel")
    expect(page.locator("#status")).to_have_text("cancelled")


def test_extension_by_another_client_is_shown(visit: Visit, service: BrowserService) -> None:
    sweep_id = service.finished([0.15])
    page = visit.open(f"/ui/sweeps/{sweep_id}")
    expect(page.locator("#metrics tbody tr")).to_have_count(1)
    page.wait_for_load_state("networkidle")
    service.http.post(f"/sweeps/{sweep_id}/runs", json={"scales": [0.65]}).raise_for_status()
    page.evaluate("dispatchEvent(new Event('focus'))")
    expect(page.locator("#runs tbody tr")).to_have_count(2)
    expect(page.locator("#metrics tbody tr")).to_have_count(2)


def test_confusion_matrix_keeps_the_selected_run(visit: Visit, service: BrowserService) -> None:
    sweep_id = service.submit([0.55, 1.1], epochs=30, reuse=False)
    page = visit.open(f"/ui/sweeps/{sweep_id}")
    shown = page.locator("#confusion-run option:checked")
    expect(page.locator("#status")).to_have_text("succeeded")
    expect(shown).to_have_text("scale 1.1")
    page.get_by_label("Run", exact=True).select_option("scale 0.55")
    service.http.post(f"/sweeps/{sweep_id}/runs", json={"scales": [2.2]}).raise_for_status()
    page.evaluate("dispatchEvent(new Event('focus'))")
    expect(page.locator("#confusion-run option")).to_have_count(3)
    expect(shown).to_have_text("scale 0.55")


def test_one_click_submits_the_scale_being_typed(visit: Visit, service: BrowserService) -> None:
    page = visit.open("/ui")
    page.get_by_label("Data set", exact=True).first.select_option("digits")
    page.get_by_text("More settings").click()
    page.get_by_label("Name", exact=True).fill("one click")
    page.get_by_role("button", name="none").click()
    entry, chips = page.get_by_label("Noise scales").last, page.locator(".chips").first
    # Find a scale whose chip starts a new line. A chip created on blur would then move the button before the click.
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
    page.get_by_role("button", name="Start sweep").click()
    page.wait_for_url(re.compile(r"/ui/sweeps/"))
    (sweep,) = service.http.get("/sweeps", params={"name": "one click"}).json()["sweeps"]
    assert float(last) in sweep["scales"]
    visit.ignore_errors("status of 422")  # if typing was slow, an estimate was requested without scales


def test_form_submits_a_new_sweep_after_going_back(visit: Visit, service: BrowserService) -> None:
    page = visit.open("/ui")
    page.get_by_label("Data set", exact=True).first.select_option("digits")
    page.get_by_text("More settings").click()
    page.get_by_label("Name", exact=True).fill("and back")
    page.route("**/ui/sweeps/*", lambda route: route.fulfill(status=204))  # status 204 keeps the browser on this page
    start = page.get_by_role("button", name="Start sweep")
    start.click()
    expect(start).to_be_disabled()
    wait_until(lambda: len(sweeps_named(service, "and back")) == 1)
    # The event of a page restored from the back/forward cache, which is off in this browser.
    page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    start.click()
    wait_until(lambda: len(sweeps_named(service, "and back")) == 2)


def sweeps_named(service: BrowserService, name: str) -> list[object]:
    sweeps: list[object] = service.http.get("/sweeps", params={"name": name}).json()["sweeps"]
    return sweeps
