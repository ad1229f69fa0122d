"""List of sweeps in a browser: filters, order, pages, selection and actions."""

import re

import pytest
from playwright.sync_api import expect

from tests.support.browser import LONG, BrowserService, Scheme, Visit, Visitor, assert_accessible, count_points
from tests.support.waiting import wait_until

PHONE_WIDTH = 390


def test_long_list_is_paginated(visit: Visit, service: BrowserService) -> None:
    for number in range(11):
        service.submit([0.2], name=f"page {number}")
    service.submit([0.2], name="another")
    page = visit.open("/ui")
    page.get_by_label("Name starts with").fill("page ")
    names = page.locator("#sweeps .name")
    expect(names).to_have_text([f"page {number}" for number in range(10, 0, -1)])
    page.get_by_role("button", name="Next page").click()
    expect(names).to_have_text(["page 0"])
    page.reload()
    expect(names).to_have_text(["page 0"])
    page.get_by_role("button", name="First page").click()
    expect(names).to_have_count(10)
    page.get_by_label("Order").select_option("name")
    expect(names).to_have_text([f"page {number}" for number in range(10)])
    page.get_by_role("button", name="Next page").click()
    expect(names).to_have_text(["page 10"])
    page.reload()
    expect(names).to_have_text(["page 10"])
    page.get_by_label("Name starts with").fill("no such name")
    expect(page.locator("#list-status")).to_have_text("No sweep matches the filters.")


def test_address_contains_filters_order_and_selection(visitor: Visitor, service: BrowserService) -> None:
    for name in ("b", "a", "c"):
        service.submit([0.2], name=name, tags={"group": "shown", "note": name}, epochs=1)
    service.submit([0.2], name="d", tags={"group": "hidden"})
    visit = visitor()
    page = visit.open("/ui")
    names = page.locator("#sweeps .name")
    page.get_by_label("Tag", exact=True).fill("group:shown")
    page.get_by_label("Order").select_option("name")
    expect(names).to_have_text(["a", "b", "c"])
    page.get_by_role("checkbox", name="Compare c").check()
    page.get_by_role("checkbox", name="Compare a").check()
    expect(page.locator("#selection")).to_have_text("2 sweeps selected.")
    same = visitor().open(page.url.removeprefix(visit.base))
    expect(same.locator("#sweeps .name")).to_have_text(["a", "b", "c"])
    expect(same.get_by_label("Tag", exact=True)).to_have_value("group:shown")
    expect(same.get_by_role("checkbox", name="Compare a")).to_be_checked()
    expect(same.get_by_role("checkbox", name="Compare b")).not_to_be_checked()
    expect(same.locator("#selection")).to_have_text("2 sweeps selected.")
    same.get_by_role("link", name="note:b").click()
    expect(same.locator("#sweeps .name")).to_have_text(["b"])


def test_sweeps_are_sorted_by_status(visit: Visit, service: BrowserService) -> None:
    tags = {"group": "by-status"}
    service.http.post(f"/sweeps/{service.submit([0.2], name='cancelled', tags=tags, **LONG)}/cancel").raise_for_status()
    service.finished([0.2], name="finished", tags=tags)
    service.submit([0.2], name="running", tags=tags, **LONG)
    page = visit.open("/ui?tag=group:by-status")
    names = page.locator("#sweeps .name")
    expect(names).to_have_text(["running", "finished", "cancelled"])
    page.get_by_label("Order").select_option("status")
    expect(names).to_have_text(["running", "cancelled", "finished"])


def test_sweep_is_deleted_after_a_confirmation(visit: Visit, service: BrowserService) -> None:
    sweep_id = service.finished([0.2], name="to be deleted")
    service.submit([0.2], name="to be deleted later", **LONG)
    page = visit.open("/ui?name=to be deleted")
    names = page.locator("#sweeps .name")
    expect(names).to_have_count(2)
    expect(page.get_by_role("button", name="Delete to be deleted later")).to_be_hidden()  # it is not finished
    delete = page.get_by_role("button", name="Delete to be deleted", exact=True)
    for answer in ("Keep", "Delete"):
        delete.click()
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("to be deleted")
        dialog.get_by_role("button", name=answer).click()
        expect(names).to_have_count(2 if answer == "Keep" else 1)
    assert service.http.get(f"/sweeps/{sweep_id}").status_code == 404


def test_duplicate_has_all_settings_of_a_sweep(visit: Visit, service: BrowserService) -> None:
    settings: dict[str, object] = {
        "noise": "uniform", "noise_on": "train", "test_noise": {"shot": [0.3, 1], "salt_and_pepper": [0.1]},
        "clip": True, "resample": True, "holdout": 200, "keep": "best", "patience": 2, "batch_size": 64,
        "dropout": 0.1, "learning_rate": 0.002, "model": {"kind": "cnn", "filters": [4], "dense_units": [8]},
        "seeds": [7, 3], "tags": {"course": "ml-202", "ratio": "1:2", "note": '"a", b'},
        "name": "original", "keep_model": True,
    }  # fmt: skip
    body = {"dataset": "digits", "epochs": 2, "scales": [0.6, 0.2, 0], **settings}
    first = service.http.post("/sweeps", json=body).raise_for_status().json()
    page = visit.open("/ui?name=original")
    page.get_by_role("link", name="Duplicate original").click()
    page.wait_for_url(f"**/ui?from={first['id']}")
    expect(page.locator("#filled")).to_contain_text("the settings of original")
    expect(page.locator("#scales-list li")).to_have_text(["0.6", "0.2"])
    page.get_by_role("button", name="Start sweep").click()
    page.wait_for_url(re.compile(r"/ui/sweeps/[0-9a-f]{16}$"))
    again = service.sweep(page.url[-16:])
    for field in ("config", "name", "tags", "seeds"):
        assert again[field] == first[field]
    assert sorted(again["scales"]) == [0, 0.2, 0.6]
    assert again["runs"][0]["keep_model"]
    service.cancel_all()


def test_duplicate_of_an_unknown_sweep_is_reported(visit: Visit) -> None:
    page = visit.open("/ui?from=0000000000000000")
    expect(page.get_by_role("alert")).to_contain_text("No sweep has the id")
    expect(page.locator("#estimate")).to_contain_text("5 runs")
    visit.ignore_errors("status of 404")


def test_list_shows_everything_on_a_phone(visitor: Visitor, finished: str) -> None:
    page = visitor(width=PHONE_WIDTH).open("/ui?name=finished")
    row = page.locator(f"#sweeps > li:has(a[href$='{finished}'])").first
    for part in (row.locator(".name"), row.locator(".status"), row.locator(".spark svg"), row.get_by_text("Duplicate")):
        expect(part).to_be_visible()
        box = part.bounding_box()
        assert box
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= PHONE_WIDTH
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE_WIDTH
    scrolling = "[...document.querySelectorAll('main *')].filter(e => e.scrollHeight > e.clientHeight + 1 && "
    scrolling += "['auto', 'scroll'].includes(getComputedStyle(e).overflowY)).length"
    assert page.evaluate(scrolling) == 0


def empty_service(visit: Visit) -> None:
    """Let the page see a service without sweeps."""
    visit.page.route(re.compile(r"/sweeps\?limit="), lambda route: route.fulfill(json={"sweeps": [], "next": None}))


@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", PHONE_WIDTH)])
def test_empty_service_shows_an_example(visitor: Visitor, scheme: Scheme, width: int) -> None:
    visit = visitor(scheme, width=width)
    empty_service(visit)
    page = visit.open("/ui")
    example = page.get_by_role("region", name="Example What you get")
    expect(example).to_contain_text("It is part of the program, and not one of your sweeps.")
    expect(example).to_contain_text("Validation accuracy falls from 98.5 % without noise to 18.9 % at scale 4")
    wait_until(lambda: count_points(page, "example-chart") == 13)
    example.get_by_role("button", name="Train").click()
    wait_until(lambda: count_points(page, "example-chart") == 7)
    expect(page.locator("#list-filters")).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert_accessible(page)


def test_newcomer_starts_a_sweep_in_two_clicks(visit: Visit) -> None:
    empty_service(visit)
    page = visit.open("/ui")
    page.get_by_role("button", name="select the small data set digits").click()
    page.get_by_role("button", name="Start sweep").click()
    page.wait_for_url(re.compile(r"/ui/sweeps/[0-9a-f]{16}$"))
    expect(page.locator("#description")).to_contain_text("digits")


def test_example_disappears_when_there_is_a_sweep(visit: Visit, finished: str) -> None:
    page = visit.open("/ui?name=finished")
    expect(page.locator(f"#sweeps a[href$='{finished}']").first).to_be_visible()
    expect(page.locator("#example")).to_be_hidden()
    page.get_by_label("Name starts with").fill("no such name")
    expect(page.locator("#list-status")).to_have_text("No sweep matches the filters.")
    expect(page.locator("#example")).to_be_hidden()
