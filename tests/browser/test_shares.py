"""Share links: a page without forms for everybody who has the link."""

import httpx
from playwright.sync_api import expect

from tests.support.browser import KEY, SMALL, BrowserService, Visitor
from tests.support.waiting import wait_until


def test_a_link_is_created_opened_without_a_key_and_revoked(visitor: Visitor, service: BrowserService) -> None:
    http: httpx.Client = service.api_with_keys.http
    body = SMALL | {"scales": [0.5, 1.0], "tags": {"course": "ml"}}
    answer = http.post("/sweeps", json=body, headers={"Authorization": f"Bearer {KEY}"})
    sweep_id = answer.raise_for_status().json()["id"]
    wait_until(lambda: service.sweep(sweep_id)["status"] == "succeeded", seconds=60)
    owner = visitor(base=service.api_with_keys.url)
    page = owner.open(f"/ui/sweeps/{sweep_id}")
    page.get_by_role("textbox", name="API key").fill(KEY)
    page.get_by_role("textbox", name="API key").press("Enter")
    page.get_by_role("button", name="Share", exact=True).click()
    expect(page.locator("#shares-status")).to_have_text("There are no links to this sweep.")
    page.get_by_label("Days until a new link expires").fill("0")
    page.get_by_role("button", name="Create a link").click()
    expect(page.locator("#share-days-error")).to_contain_text("expected")
    expect(page.get_by_label("Days until a new link expires")).to_be_focused()
    page.get_by_label("Days until a new link expires").fill("7")
    page.get_by_role("button", name="Create a link").click()
    expect(page.locator("#share-link")).to_contain_text(f"/ui/sweeps/{sweep_id}#share=nss_")
    link = page.locator("#share-link").inner_text()

    guest = visitor(base=service.api_with_keys.url)
    shared = guest.open(link.removeprefix(service.api_with_keys.url))
    expect(shared.locator("#sentence")).to_contain_text("Validation accuracy")
    expect(shared.locator("#samples canvas")).to_have_count(6)
    expect(shared.locator("#confusion tbody tr")).to_have_count(10)
    expect(shared.get_by_role("dialog")).to_be_hidden()
    for control in (
        "nav",
        "main form",
        "#cancel",
        "#retry",
        "#extend",
        "#fresh",
        "#share",
        "#edit",
        "#delete",
        "#duplicate",
        "#tags a",
        ".wordmark[href]",
    ):
        expect(shared.locator(control).locator("visible=true")).to_have_count(0)
    shared.get_by_role("link", name="1", exact=True).click()
    expect(shared.locator("#title")).to_have_text("Run at scale 1, seed 0")
    expect(shared.locator("#confusion tbody tr")).to_have_count(10)
    shared.locator("#sweep").click()
    expect(shared.locator("#sentence")).to_contain_text("Validation accuracy")
    assert guest.errors == []

    page.get_by_role("button", name="Revoke the link").click()
    expect(page.locator("#shares li")).to_have_count(0)
    shared.reload()
    expect(shared.locator("#page-error")).to_contain_text("This link has expired or was revoked")
    expect(shared.get_by_role("dialog")).to_be_hidden()
    owner.ignore_errors("status of 401")
    owner.ignore_errors("status of 422")
    guest.ignore_errors("status of 401")
