"""What people do with sweeps, by mouse and by keyboard."""

import csv
import re
import shlex
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import KEY, LONG, Stack, Visit, Visitor
from tests.support.pictures import PNG_MAGIC
from tests.support.waiting import wait_until


def drawn_points(page: Page, chart: str) -> int:
    return page.locator(f"#{chart} .scatterlayer .points path:visible").count()


def test_a_sweep_sent_from_the_form_is_watched_to_its_end_without_reloading(visit: Visit) -> None:
    page = visit.open("/ui")
    page.get_by_label("Data set", exact=True).first.select_option("digits")
    page.get_by_role("button", name="none").click()
    page.get_by_label("Noise scales").last.fill("0.3 0.6,1.2")
    page.get_by_label("Train without noise as well").check()
    page.get_by_label("Epochs", exact=True).fill("4")
    page.get_by_text("More settings").click()
    page.get_by_label("Hidden units").fill("16, 8")
    page.get_by_label("Name", exact=True).fill("by hand")
    expect(page.locator("#estimate")).to_contain_text("4 runs")
    page.get_by_role("button", name="Start the sweep").click()
    page.wait_for_url(re.compile(r"/ui/sweeps/[0-9a-f]{16}$"))
    page.evaluate("window.neverReloaded = true")
    expect(page.get_by_role("heading", level=1)).to_have_text("by hand")
    expect(page.locator("#status")).to_have_text("succeeded")
    assert page.evaluate("window.neverReloaded")
    expect(page.locator("#progress-words")).to_have_text("16 of 16 epochs")
    expect(page.locator("#runs tbody tr")).to_have_count(4)
    expect(page.locator("#sentence")).to_contain_text("Validation accuracy")
    expect(page.locator("#matrix tbody tr")).to_have_count(4)
    expect(page.locator("#confusion tbody tr")).to_have_count(10)
    expect(page.locator("#samples canvas")).to_have_count(12)
    wait_until(lambda: drawn_points(page, "by-scale") == 8)
    expect(page.locator("#by-epoch .scatterlayer .js-line")).to_have_count(4)


def test_runs_that_were_trained_before_have_their_curves_too(visit: Visit, stack: Stack) -> None:
    stack.finished([0.35, 0.7])
    page = visit.open(f"/ui/sweeps/{stack.submit([0.35, 0.7])}")
    expect(page.locator("#status")).to_have_text("succeeded")
    expect(page.locator("#by-epoch .scatterlayer .js-line")).to_have_count(2)
    wait_until(lambda: drawn_points(page, "by-scale") == 4)


def test_the_curves_grow_while_a_sweep_is_trained(visit: Visit, stack: Stack) -> None:
    sweep_id = stack.submit([0.5], **LONG)
    page = visit.open(f"/ui/sweeps/{sweep_id}")
    expect(page.locator("#status")).to_have_text("running")
    asked: list[str] = []
    expect(page.locator("#by-epoch .scatterlayer .js-line")).to_have_count(1)
    page.on("request", lambda request: asked.append(request.url) if "/plot?" in request.url else None)
    bar = page.locator("#runs progress")
    seen = set()

    def grows() -> bool:
        seen.add(bar.evaluate("bar => bar.value"))
        return len(seen) > 4

    line = page.locator("#by-epoch .scatterlayer .js-line")
    before = line.get_attribute("d")
    wait_until(grows, seconds=60)
    expect(line).not_to_have_attribute("d", str(before))
    assert drawn_points(page, "by-scale") == 2  # hollow ones, of the run that is under way
    assert asked == []  # epochs come with the events
    expect(page.locator("#progress-words")).to_contain_text("left")
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#status")).to_have_text("cancelled")
    expect(page.get_by_role("button", name="Cancel")).to_be_hidden()
    expect(page.get_by_role("button", name="Retry")).to_be_visible()


def test_a_page_outlives_a_restart_of_the_api_and_catches_up(visit: Visit, stack: Stack) -> None:
    sweep_id = stack.submit([0.5], **LONG)
    page = visit.open(f"/ui/sweeps/{sweep_id}")
    expect(page.locator("#status")).to_have_text("running")
    page.evaluate("window.neverReloaded = true")
    stack.api.stop()
    expect(page.locator("#connection")).to_contain_text("does not answer")
    stack.api.start()
    expect(page.locator("#connection")).to_be_hidden()
    before = stack.sweep(sweep_id)["progress"]["epochs_done"]
    wait_until(lambda: page.locator("#runs progress").evaluate("bar => bar.value") >= before)
    stack.http.post(f"/sweeps/{sweep_id}/cancel")  # the page has not done it, and hears of it
    expect(page.locator("#status")).to_have_text("cancelled")
    assert page.evaluate("window.neverReloaded")
    shown = page.locator("#runs progress").evaluate("bar => bar.value")
    assert shown == stack.sweep(sweep_id)["progress"]["epochs_done"]
    visit.forgive("ERR_CONNECTION_REFUSED")
    visit.forgive("ERR_INCOMPLETE_CHUNKED_ENCODING")


def test_a_sweep_is_extended_and_trained_on(visit: Visit, stack: Stack) -> None:
    page = visit.open(f"/ui/sweeps/{stack.finished([0.25])}")
    expect(page.locator("#status")).to_have_text("succeeded")
    page.get_by_role("button", name="Extend").click()
    page.get_by_role("dialog").get_by_label("Scales to add").last.fill("0.75")
    page.get_by_role("dialog").get_by_label("Seeds to add").fill("1")
    page.get_by_role("dialog").get_by_role("button", name="Extend").click()
    expect(page.locator("#runs tbody tr")).to_have_count(4)
    expect(page.locator("#runs .status[data-status=succeeded]")).to_have_count(4)
    expect(page.locator("#figures tbody tr")).to_have_count(2)


def test_sweeps_that_are_ticked_are_overlaid(visit: Visit, stack: Stack, finished: str, other: str) -> None:
    page = visit.open("/ui")
    compare = page.get_by_role("button", name="Compare")
    expect(compare).to_be_disabled()
    for name in ("finished", "other"):
        page.get_by_label("Name begins with").fill(name)
        page.get_by_role("checkbox", name=f"Compare {name}").check()
    compare.click()
    expect(page).to_have_url(f"{stack.api.url}/ui/compare?sweep={finished}&sweep={other}")
    wait_until(lambda: drawn_points(page, "overlay") == 6)
    expect(page.locator("#differences thead")).to_contain_text("noise on")
    expect(page.locator("#values tbody tr")).to_have_count(5)
    page.get_by_role("button", name="other").click()
    wait_until(lambda: drawn_points(page, "overlay") == 4)
    with page.expect_download() as download:
        page.get_by_role("button", name="PNG").click()
    assert Path(download.value.path()).read_bytes().startswith(PNG_MAGIC)


def test_a_curve_is_hidden_and_shown_again_by_its_legend(visit: Visit, finished: str) -> None:
    page = visit.open(f"/ui/sweeps/{finished}")
    wait_until(lambda: drawn_points(page, "by-scale") == 8)
    entry = page.locator("#by-scale-legend").get_by_role("button", name="training")
    entry.click()
    wait_until(lambda: drawn_points(page, "by-scale") == 4)
    expect(entry).to_have_attribute("aria-pressed", "false")
    entry.click()
    wait_until(lambda: drawn_points(page, "by-scale") == 8)


def test_a_sweep_is_downloaded_as_a_picture_and_as_a_table(visit: Visit, finished: str) -> None:
    page = visit.open(f"/ui/sweeps/{finished}")
    files = {}
    for name in ("PNG", "SVG", "CSV"):
        with page.expect_download() as download:
            page.get_by_role("button", name=name).click()
        assert download.value.suggested_filename == f"{finished}.{name.lower()}"
        files[name] = Path(download.value.path()).read_bytes()
    assert files["PNG"].startswith(PNG_MAGIC)
    assert b"<svg" in files["SVG"]
    assert len(list(csv.DictReader(files["CSV"].decode().splitlines()))) == 24


def test_the_code_that_is_copied_makes_the_sweep_again(visit: Visit, stack: Stack, other: str) -> None:
    page = visit.open(f"/ui/sweeps/{other}")
    expect(page.locator("#status")).to_have_text("succeeded")
    page.get_by_role("button", name="Copy as code").click()
    python = page.locator("#copy-python").inner_text()
    compile(python, "copied", "exec")
    assert "scales=[0.2, 2]" in python
    _, address, *options = shlex.split(page.locator("#copy-curl").inner_text().replace("\\\n", " "))
    body = options[options.index("-d") + 1]
    again = httpx.post(address, content=body, headers={"Content-Type": "application/json"}).raise_for_status().json()
    first = stack.sweep(other)
    assert [again[key] for key in ("config", "scales", "seeds", "name", "tags")] == [
        first[key] for key in ("config", "scales", "seeds", "name", "tags")
    ]


def test_what_is_wrong_with_a_request_is_said_at_its_field(visit: Visit) -> None:
    page = visit.open("/ui")
    page.get_by_label("Noise scales").last.fill("-1 loud")
    page.get_by_label("Noise scales").last.press("Enter")
    page.get_by_label("Epochs", exact=True).fill("0")
    expect(page.locator("#epochs-fault")).to_contain_text("greater than or equal to 1")
    expect(page.get_by_label("Epochs", exact=True)).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#scales-fault")).to_contain_text("greater than or equal to 0")
    wrong = page.locator("#scales-list [aria-invalid=true]")
    expect(wrong).to_have_text(["-1", "loud"])
    page.get_by_label("Remove scale -1").click()
    page.get_by_label("Remove scale loud").click()
    page.get_by_label("Epochs", exact=True).fill("2")
    expect(page.locator(".invalid:visible")).to_have_count(0)
    expect(page.locator("#estimate")).to_contain_text("5 runs")
    visit.forgive("status of 422")


def test_where_keys_are_configured_one_is_asked_for_and_kept_for_the_session(visitor: Visitor, stack: Stack) -> None:
    visit = visitor(base=stack.guarded.url)
    page = visit.open("/ui")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("API key").fill("ns_wrong")
    dialog.get_by_role("button", name="Use this key").click()
    expect(dialog).to_contain_text("is not known here")
    dialog.get_by_label("API key").fill(KEY)
    dialog.get_by_label("API key").press("Enter")
    expect(page.locator("#estimate")).to_contain_text("5 runs")
    expect(dialog).to_be_hidden()
    visit.open("/ui/workers")
    expect(page.locator("#workers-status")).to_contain_text("alive")
    expect(dialog).to_be_hidden()
    page.get_by_role("button", name="Forget the API key").click()
    expect(dialog).to_be_visible()
    visit.forgive("status of 401")


def test_a_sweep_is_started_and_cancelled_with_the_keyboard_alone(visit: Visit, stack: Stack) -> None:
    page = visit.open("/ui")
    expect(page.locator("#estimate")).to_contain_text("runs")

    def go_to(name: str) -> None:
        """Tab on to what has this name."""
        for _ in range(80):
            page.keyboard.press("Tab")
            if (
                page.evaluate("(document.activeElement.labels?.[0] ?? document.activeElement).textContent.trim()")
                == name
            ):
                visible = "getComputedStyle(document.activeElement).outlineStyle !== 'none'"
                assert page.evaluate(visible), f"nobody sees that {name} has the focus"
                return
        pytest.fail(f"the keyboard does not lead to {name}")

    go_to("Skip to the content")
    page.keyboard.press("Enter")
    go_to("Data set")
    page.keyboard.type("digits")
    go_to("Noise scales")
    for _ in range(4):
        page.keyboard.press("Backspace")
    page.keyboard.type("0.4 ")
    go_to("Epochs")
    page.keyboard.press("Control+a")
    page.keyboard.type("200")
    go_to("Name")
    page.keyboard.type("keys")
    go_to("More settings")
    page.keyboard.press("Enter")
    go_to("Batch size")
    page.keyboard.press("Control+a")
    page.keyboard.type("8")
    go_to("Start the sweep")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/ui/sweeps/"))
    expect(page.get_by_role("heading", level=1)).to_have_text("keys")
    expect(page.locator("#runs .status").first).to_have_text("running")
    go_to("Cancel")
    page.keyboard.press("Enter")
    expect(page.locator("#status")).to_have_text("cancelled")
    go_to("Retry")
    (sweep,) = stack.http.get("/sweeps", params={"name": "keys"}).json()["sweeps"]
    assert sweep["scales"] == [0.1, 0.4]


def test_names_are_shown_as_they_are_and_run_nothing(visit: Visit, stack: Stack) -> None:
    name = "<img src=x onerror=alert(1)> %{x} & <b>bold</b>"
    ids = [stack.finished([0.2], name=name), stack.finished([0.2, 0.5], name=name)]
    page = visit.open(f"/ui/sweeps/{ids[0]}")
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    visit.open(f"/ui/compare?sweep={ids[0]}&sweep={ids[1]}")
    expect(page.locator("#differences tbody th")).to_have_text([f"{name} ({sweep_id})" for sweep_id in ids])
    wait_until(lambda: drawn_points(page, "overlay") == 3)
    point = page.locator("#overlay .scatterlayer .points path").first.bounding_box()
    assert point
    page.mouse.move(point["x"] + point["width"] / 2, point["y"] + point["height"] / 2)
    expect(page.locator("#overlay .hovertext").first).to_contain_text(name)
    visit.open("/ui")
    expect(page.locator("#sweeps .name").first).to_have_text(name)


def test_workers_and_the_queue_are_shown_as_they_are(visit: Visit, stack: Stack) -> None:
    (worker,) = stack.http.get("/workers").json()["workers"]
    page = visit.open("/ui/workers")
    expect(page.get_by_role("heading", level=2)).to_have_text(worker["name"])
    expect(page.locator("#queue dt")).to_have_count(4)
    sweep_id = stack.submit([0.5], **LONG)
    expect(page.locator("#workers a")).to_have_attribute("href", f"/ui/sweeps/{sweep_id}")
    stack.http.post(f"/sweeps/{sweep_id}/cancel")
    expect(page.locator("#workers")).to_contain_text("Trains nothing at the moment.")


def test_a_list_that_goes_on_is_turned_page_by_page(visit: Visit, stack: Stack) -> None:
    for place in range(11):
        stack.submit([0.2], name=f"page {place}")
    stack.submit([0.2], name="another")
    page = visit.open("/ui")
    page.get_by_label("Name begins with").fill("page ")
    names = page.locator("#sweeps .name")
    expect(names).to_have_text([f"page {place}" for place in range(10, 0, -1)])
    page.get_by_role("button", name="Older").click()
    expect(names).to_have_text(["page 0"])
    page.get_by_role("button", name="Newest").click()
    expect(names).to_have_count(10)
    page.get_by_label("Name begins with").fill("nothing is called so")
    expect(page.locator("#list-status")).to_have_text("No sweep is like that.")
