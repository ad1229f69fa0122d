"""Many pages of one browser share a few connections for events."""

import re
from collections.abc import Iterator, Sequence

import pytest
from playwright.sync_api import BrowserContext, Page, Request, expect
from playwright.sync_api import Error as PlaywrightError

from tests.support.browser import KEY, LONG, TIMEOUT_MILLISECONDS, BrowserService, Visit, Visitor, set_hidden
from tests.support.waiting import wait_until

# A browser has six connections to a service over HTTP/1.1.
TABS = 8
CONTINUE_SECONDS = 60


@pytest.fixture
def sweep_id(service: BrowserService) -> Iterator[str]:
    sweep_id = service.submit([0.5], **LONG)
    yield sweep_id
    service.cancel_all()


def open_tabs(visit: Visit, sweep_ids: Sequence[str]) -> list[Page]:
    """Open a tab of one browser for each sweep."""
    tabs = [visit.page, *(visit.page.context.new_page() for _ in sweep_ids[1:])]
    for tab, sweep_id in zip(tabs, sweep_ids, strict=True):
        tab.goto(f"{visit.base}/ui/sweeps/{sweep_id}")
        expect(tab.locator("#status")).to_have_text(re.compile("queued|running"))
    return tabs


def epochs_shown(tab: Page) -> int:
    return int(tab.locator("#progress").evaluate("bar => bar.value"))


def wait_until_all_continue(tabs: Sequence[Page]) -> None:
    before = [epochs_shown(tab) for tab in tabs]
    for tab, epochs in zip(tabs, before, strict=True):
        wait_until(lambda tab=tab, epochs=epochs: epochs_shown(tab) > epochs + 1, seconds=CONTINUE_SECONDS)  # type: ignore[misc]


def open_streams(context: BrowserContext) -> list[Request]:
    """Return a list that contains the current requests of the browser for event streams, from now on."""
    streams: list[Request] = []
    context.on("request", lambda request: streams.append(request) if request.url.endswith("/events") else None)
    for end in ("requestfailed", "requestfinished"):
        context.on(end, lambda request: streams.remove(request) if request in streams else None)
    return streams


def test_tabs_on_one_sweep_share_a_stream(visit: Visit, service: BrowserService, sweep_id: str) -> None:
    streams = open_streams(visit.page.context)
    tabs = open_tabs(visit, [sweep_id] * TABS)
    wait_until_all_continue(tabs)
    assert len(streams) == 1
    for tab in tabs:
        assert tab.evaluate("fetch('/healthz').then(response => response.status)") == 200
    service.http.post(f"/sweeps/{sweep_id}/cancel")
    for tab in tabs:
        expect(tab.locator("#status")).to_have_text("cancelled")


def test_tabs_on_several_sweeps_take_turns(visit: Visit, service: BrowserService) -> None:
    sweep_ids = [service.submit([scale], **LONG) for scale in range(1, TABS + 1)]
    tabs = open_tabs(visit, sweep_ids)
    for sweep_id in sweep_ids:
        service.http.post(f"/sweeps/{sweep_id}/cancel")
    for tab in tabs:  # each waits for its turn, and the turns take longer on a busy machine
        expect(tab.locator("#status")).to_have_text("cancelled", timeout=4 * TIMEOUT_MILLISECONDS)


def test_later_tab_gets_the_events_before(visit: Visit, sweep_id: str) -> None:
    (first,) = open_tabs(visit, [sweep_id])
    wait_until(lambda: epochs_shown(first) > 3)
    second = visit.page.context.new_page()
    second.goto(first.url)
    curve = second.locator("#by-epoch .scatterlayer .js-line")
    expect(curve).to_have_count(1)
    wait_until_all_continue([first, second])
    visit.page.close()
    wait_until_all_continue([second])


@pytest.mark.parametrize("fault", ["closed", "frozen", "crashed"])
def test_other_tabs_continue_without_the_first_one(visit: Visit, sweep_id: str, fault: str) -> None:
    first, *others = open_tabs(visit, [sweep_id] * 3)
    wait_until_all_continue(others)
    match fault:
        case "closed":
            first.close()
        case "frozen":
            first.context.new_cdp_session(first).send("Page.setWebLifecycleState", {"state": "frozen"})
        case "crashed":
            with pytest.raises(PlaywrightError, match="crash"):
                first.goto("chrome://crash")
    wait_until_all_continue(others)
    new = others[0].context.new_page()
    new.goto(others[0].url)
    wait_until_all_continue([*others, new])


def test_frozen_tab_continues_when_it_thaws(visit: Visit, sweep_id: str) -> None:
    streams = open_streams(visit.page.context)
    first, second = open_tabs(visit, [sweep_id] * 2)
    session = first.context.new_cdp_session(first)
    session.send("Page.setWebLifecycleState", {"state": "frozen"})
    wait_until_all_continue([second])
    session.send("Page.setWebLifecycleState", {"state": "active"})
    wait_until_all_continue([first, second])
    wait_until(lambda: second.evaluate("1") and len(streams) == 1)


def test_hidden_tab_leaves_the_stream_to_the_others(visit: Visit, sweep_id: str) -> None:
    streams = open_streams(visit.page.context)
    first, second = open_tabs(visit, [sweep_id] * 2)
    set_hidden(first, hidden=True)
    wait_until_all_continue([second])
    seen = epochs_shown(first)
    set_hidden(second, hidden=True)
    wait_until(lambda: second.evaluate("1") and not streams)
    for tab in (first, second):
        set_hidden(tab, hidden=False)
    wait_until_all_continue([first, second])
    assert epochs_shown(first) > seen
    assert len(streams) == 1


def test_tabs_with_keys_share_a_stream(visitor: Visitor, service: BrowserService, sweep_id: str) -> None:
    visit = visitor(base=service.api_with_keys.url)
    streams = open_streams(visit.page.context)
    tabs = [visit.page, visit.page.context.new_page()]
    for tab in tabs:
        tab.goto(f"{visit.base}/ui/sweeps/{sweep_id}")
        tab.get_by_role("textbox", name="API key").fill(KEY)
        tab.get_by_role("button", name="Use this key").click()
    wait_until_all_continue(tabs)
    assert [request.headers["authorization"] for request in streams] == [f"Bearer {KEY}"]
    visit.ignore_errors("status of 401")


def test_tabs_without_locks_have_their_own_streams(visit: Visit, sweep_id: str) -> None:
    # A browser offers no locks to pages from plain HTTP on another computer.
    visit.page.context.add_init_script("Object.defineProperty(navigator, 'locks', { value: undefined })")
    streams = open_streams(visit.page.context)
    wait_until_all_continue(open_tabs(visit, [sweep_id] * 2))
    assert len(streams) == 2
