"""Page of a class, in a browser."""

from pathlib import Path

import httpx
from playwright.sync_api import expect

from tests.support.browser import KEY, LONG, BrowserService, Visit, count_points
from tests.support.pictures import PNG_MAGIC
from tests.support.waiting import wait_until


def test_class_page_shows_its_sweeps_and_follows_new_ones(visit: Visit, service: BrowserService) -> None:
    page = visit.open("/ui/class?tag=course:browser")
    expect(page.locator("#class-sentence")).to_have_text("No sweep has the tag course:browser yet.")
    expect(page.locator("#curves-section")).to_be_hidden()
    tags = {"course": "browser"}
    first, second = (service.finished([0.2, 1.0], name=f"seed {seed}", seeds=[seed], tags=tags) for seed in (1, 2))
    odd = service.submit([0.2], **LONG, name="odd", tags=tags)
    page.reload()
    # Two points of the mean, and two of each sweep.
    wait_until(lambda: count_points(page, "curves") == 6)
    found = service.http.get("/class", params={"tag": "course:browser"}).json()
    expect(page.locator("#class-sentence")).to_contain_text("2 of 3 sweeps have succeeded.")
    expect(page.locator("#class-remarks li")).to_have_count(len(found["remarks"]))
    expect(page.locator("#members-section")).to_be_hidden()  # without keys, nobody has a name
    expect(page.locator("#class-sweeps tbody tr")).to_have_count(3)
    expect(page.locator("#class-sweeps tbody tr").first).to_contain_text("no, other settings")
    assert [page.get_by_role("link", name=f"seed {seed}").get_attribute("href") for seed in (1, 2)] == [
        f"/ui/sweeps/{first}",
        f"/ui/sweeps/{second}",
    ]
    service.http.post(f"/sweeps/{odd}/cancel")
    expect(page.locator("#class-sweeps tbody tr").first).to_contain_text("cancelled")
    page.get_by_role("button", name="Each sweep").click()
    wait_until(lambda: count_points(page, "curves") == 2)
    with page.expect_download() as download:
        page.get_by_role("button", name="PNG").click()
    assert Path(download.value.path()).read_bytes().startswith(PNG_MAGIC)


def test_tag_of_a_sweep_leads_to_its_class(visit: Visit, service: BrowserService, finished: str) -> None:
    page = visit.open(f"/ui/sweeps/{finished}")
    page.get_by_role("link", name="course:ml-101").click()
    expect(page).to_have_url(f"{service.api.url}/ui/class?tag=course%3Aml-101")
    expect(page.locator("#class-title")).to_have_text("Class course:ml-101")
    visit.open("/ui/class")
    expect(page.locator("#class-status")).to_contain_text("No tag selected")


def test_members_are_listed_with_their_sweeps(visit: Visit, service: BrowserService) -> None:
    body = {"dataset": "digits", "scales": [0.2], "epochs": 1, "hidden_units": [8], "tags": {"course": "keys"}}
    with httpx.Client(
        base_url=service.api_with_keys.url, headers={"Authorization": f"Bearer {KEY}"}, trust_env=False
    ) as ada:
        ada.post("/sweeps", json=body | {"name": "of ada"}).raise_for_status()
    page = visit.open("/ui/class?tag=course:keys")
    row = page.locator("#members tbody tr")
    expect(row).to_contain_text("ada")
    expect(row).to_contain_text("succeeded")
    expect(row.get_by_role("link", name="of ada")).to_be_visible()
