"""Name, tags, duplicates and the end of a sweep, on its page."""

from playwright.sync_api import expect

from tests.support.browser import LONG, BrowserService, Visit


def test_name_and_tags_are_edited(visit: Visit, service: BrowserService) -> None:
    sweep_id = service.finished([0.2], name="befroe", tags={"course": "ml"})
    page = visit.open(f"/ui/sweeps/{sweep_id}")
    page.get_by_role("button", name="Edit name and tags").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Name")).to_have_value("befroe")
    expect(dialog.get_by_label("Tags")).to_have_value("course:ml")
    dialog.get_by_label("Name").fill("after")
    dialog.get_by_label("Tags").fill("Bad Key:x")
    dialog.get_by_label("Tags").press("Enter")
    expect(page.locator("#edit-tags-error")).not_to_be_empty()
    dialog.get_by_label("Tags").fill("course:ml, group:b")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("heading", level=1)).to_have_text("after")
    expect(page.get_by_role("link", name="group:b")).to_be_visible()
    sweep = service.sweep(sweep_id)
    assert (sweep["name"], sweep["tags"]) == ("after", {"course": "ml", "group": "b"})
    page.get_by_role("button", name="Edit name and tags").click()
    dialog.get_by_label("Name").fill("")
    dialog.get_by_label("Tags").fill("")
    dialog.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Sweep {sweep_id}")
    expect(page.locator("#tags")).to_be_hidden()
    visit.ignore_errors("status of 422")


def test_sweep_is_deleted_after_a_confirmation(visit: Visit, service: BrowserService) -> None:
    sweep_id = service.submit([0.2], **LONG, name="unwanted")
    page = visit.open(f"/ui/sweeps/{sweep_id}")
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    expect(page.get_by_role("button", name="Delete", exact=True)).to_be_hidden()  # its runs have not ended
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("button", name="Keep it").click()
    assert service.sweep(sweep_id)["name"] == "unwanted"
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("button", name="Delete the sweep").click()
    expect(page).to_have_url(f"{service.api.url}/ui")
    assert service.http.get(f"/sweeps/{sweep_id}").status_code == 404


def test_a_button_that_disappears_passes_its_focus_on(visit: Visit, service: BrowserService) -> None:
    sweep_id = service.submit([0.2], **LONG)
    page = visit.open(f"/ui/sweeps/{sweep_id}")
    cancel = page.get_by_role("button", name="Cancel")
    expect(cancel).to_be_visible()
    cancel.focus()
    service.http.post(f"/sweeps/{sweep_id}/cancel").raise_for_status()  # not with the button
    expect(page.locator("#status")).to_have_text("cancelled")
    expect(page.get_by_role("button", name="Copy as code")).to_be_focused()


def test_sweep_is_duplicated_in_the_form(visit: Visit, service: BrowserService, finished: str) -> None:
    page = visit.open(f"/ui/sweeps/{finished}")
    page.get_by_role("link", name="Duplicate").click()
    expect(page).to_have_url(f"{service.api.url}/ui?from={finished}")


def test_what_was_not_edited_is_not_sent(visit: Visit, service: BrowserService) -> None:
    sweep_id = service.finished([0.2], name="old", tags={"note": "old"})
    page = visit.open(f"/ui/sweeps/{sweep_id}")
    page.get_by_role("button", name="Edit name and tags").click()
    service.http.patch(f"/sweeps/{sweep_id}", json={"tags": {"note": "of another client"}}).raise_for_status()
    page.get_by_role("dialog").get_by_label("Name").fill("new")
    tags = page.get_by_role("dialog").get_by_label("Tags")
    tags.fill(f"{tags.input_value()}, week:3")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("new")
    sweep = service.sweep(sweep_id)
    assert (sweep["name"], sweep["tags"]) == ("new", {"note": "of another client", "week": "3"})


def test_every_tag_is_written_as_it_is_read(visit: Visit, service: BrowserService) -> None:
    values = [
        "a, b:c",
        ",",
        ":",
        '"',
        '""',
        '"a',
        'a"',
        '"a"',
        '","',
        '5" and 6", x',
        'a:"b',
        'a:"b, c:"d"',
        " a ",
        " ",
    ]
    tags = {f"key-{index}": value for index, value in enumerate(values)}
    sweep_id = service.finished([0.2], tags=tags)
    page = visit.open(f"/ui/sweeps/{sweep_id}")
    page.get_by_role("button", name="Edit name and tags").click()
    field = page.get_by_role("dialog").get_by_label("Tags")
    field.fill(f'{field.input_value()}, note : "one, two"')
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("dialog")).to_be_hidden()
    assert service.sweep(sweep_id)["tags"] == tags | {"note": "one, two"}


def test_list_follows_an_edit(visit: Visit, service: BrowserService) -> None:
    sweep_id = service.finished([0.2], name="listed", tags={"a": "b"})
    page = visit.open("/ui")
    row = page.locator("#sweeps > li").filter(has=page.locator(f".name[href$='{sweep_id}']"))
    expect(row.locator(".name")).to_have_text("listed")
    edited = {"name": "renamed", "tags": {"a": None, "c": "d"}}
    service.http.patch(f"/sweeps/{sweep_id}", json=edited).raise_for_status()
    expect(row.locator(".name")).to_have_text("renamed")
    expect(row.locator(".tag")).to_have_text(["c:d"])
    expect(row.get_by_role("checkbox")).to_have_accessible_name("Compare renamed")
