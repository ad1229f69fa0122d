"""Forms and buttons of the pages, by role."""

from playwright.sync_api import Page, expect

from tests.support.browser import GUEST_KEY, KEY, SMALL, BrowserService, Visitor

OWN_BUTTONS = ("Cancel", "Extend", "Edit name and tags")


def enter(page: Page, key: str) -> None:
    page.get_by_role("textbox", name="API key").fill(key)
    page.get_by_role("textbox", name="API key").press("Enter")


def submit(service: BrowserService) -> str:
    """Submit a sweep of ada that waits, and return its id."""
    headers = {"Authorization": f"Bearer {KEY}"}
    body = SMALL | {"scales": [0.5], "epochs": 200, "reuse": False}
    sweep_id = service.api_with_keys.http.post("/sweeps", json=body, headers=headers).raise_for_status().json()["id"]
    return str(sweep_id)


def test_a_member_changes_only_its_own_sweeps(visitor: Visitor, service: BrowserService) -> None:
    own, other = submit(service), service.submit([0.5], epochs=200, reuse=False)
    visit = visitor(base=service.api_with_keys.url)
    page = visit.open(f"/ui/sweeps/{own}")
    enter(page, KEY)
    expect(page.locator("#caller")).to_have_text("ada (member)")
    expect(page.locator("#description")).to_contain_text("by ada")
    for name in OWN_BUTTONS:
        expect(page.get_by_role("button", name=name, exact=True)).to_be_visible()
    visit.open(f"/ui/sweeps/{other}")
    expect(page.get_by_role("button", name="With fresh noise")).to_be_visible()
    for name in OWN_BUTTONS:
        expect(page.get_by_role("button", name=name, exact=True)).to_be_hidden()
    visit.open("/ui")
    items = page.locator("#sweeps > li")
    expect(items.filter(has=page.locator(f"a[href$='{other}']"))).to_be_visible()
    page.get_by_label("Only mine").check()
    expect(items.filter(has=page.locator(f"a[href$='{other}']"))).to_be_hidden()
    expect(items.filter(has=page.locator(f"a[href$='{own}']"))).to_be_visible()
    service.cancel_all()
    visit.ignore_errors("status of 401")


def test_a_viewer_gets_no_forms(visitor: Visitor, service: BrowserService) -> None:
    own = submit(service)
    visit = visitor(base=service.api_with_keys.url)
    page = visit.open("/ui")
    enter(page, GUEST_KEY)
    expect(page.locator("#caller")).to_have_text("guest (viewer)")
    expect(page.get_by_role("button", name="Start sweep")).to_be_hidden()
    visit.open(f"/ui/sweeps/{own}")
    expect(page.get_by_role("button", name="CSV")).to_be_visible()
    for name in (*OWN_BUTTONS, "With fresh noise"):
        expect(page.get_by_role("button", name=name, exact=True)).to_be_hidden()
    service.cancel_all()
    visit.ignore_errors("status of 401")
    visit.ignore_errors("status of 403")


def test_a_member_sees_its_use_and_when_its_sweep_starts(visitor: Visitor, service: BrowserService) -> None:
    ahead, own = submit(service), submit(service)
    visit = visitor(base=service.api_with_keys.url)
    page = visit.open("/ui")
    enter(page, KEY)
    expect(page.locator("#usage")).to_contain_text("of 500 queued runs")
    page.goto(f"{service.api_with_keys.url}/ui/sweeps/{own}")
    expect(page.locator("#queue")).to_contain_text("1 run queued. The next one has")
    service.cancel_all()
    expect(page.locator("#queue")).to_be_hidden()
    assert ahead != own
    visit.ignore_errors("status of 401")
