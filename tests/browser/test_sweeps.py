"""Web pages of sweeps in a browser, used with mouse and keyboard."""

import csv
import re
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.support.browser import KEY, LONG, BrowserService, Visit, Visitor, count_points
from tests.support.pictures import PNG_MAGIC
from tests.support.waiting import wait_until

MAGIC = {"png": PNG_MAGIC, "pdf": b"%PDF"}


def test_submitted_sweep_is_shown_live_until_its_end(visit: Visit) -> None:
    page = visit.open("/ui")
    page.get_by_label("Data set", exact=True).first.select_option("digits")
    page.get_by_role("button", name="none").click()
    page.get_by_label("Noise scales").last.fill("0.3 0.6,1.2")
    page.get_by_label("Also train without noise").check()
    page.get_by_label("Epochs", exact=True).fill("4")
    page.get_by_text("More settings").click()
    page.get_by_label("Hidden units").fill("16, 8")
    page.get_by_label("Name", exact=True).fill("by hand")
    expect(page.locator("#estimate")).to_contain_text("4 runs")
    page.get_by_role("button", name="Start sweep").click()
    page.wait_for_url(re.compile(r"/ui/sweeps/[0-9a-f]{16}$"))
    page.evaluate("window.notReloaded = true")
    expect(page.get_by_role("heading", level=1)).to_have_text("by hand")
    expect(page.locator("#status")).to_have_text("succeeded")
    assert page.evaluate("window.notReloaded")
    expect(page.locator("#progress-text")).to_have_text("16 of 16 epochs")
    expect(page.locator("#runs tbody tr")).to_have_count(4)
    expect(page.locator("#sentence")).to_contain_text("Validation accuracy")
    expect(page.locator("#matrix tbody tr")).to_have_count(4)
    expect(page.locator("#confusion tbody tr")).to_have_count(10)
    expect(page.locator("#samples canvas")).to_have_count(12)
    wait_until(lambda: count_points(page, "by-scale") == 9)
    expect(page.locator("#by-scale-note")).to_have_text(
        re.compile(
            r"One seed, with 95 % interval \(this network on other images\)\. Grey band: best possible accuracy\. "
            r"Dotted line: chance\. Diamond: half-way scale [\d.]+\."
        )
    )
    expect(page.locator("#method")).to_contain_text("for this network on other images")
    expect(page.locator("#metrics tbody tr").first).to_contain_text(re.compile(r"% \(\d+\.\d % to \d+\.\d %\)"))
    expect(page.locator("#by-epoch .scatterlayer .js-line")).to_have_count(4)


def test_reused_runs_have_curves(visit: Visit, service: BrowserService) -> None:
    service.finished([0.35, 0.7])
    page = visit.open(f"/ui/sweeps/{service.submit([0.35, 0.7])}")
    expect(page.locator("#status")).to_have_text("succeeded")
    expect(page.locator("#by-epoch .scatterlayer .js-line")).to_have_count(2)
    wait_until(lambda: count_points(page, "by-scale") == 4)


def test_curves_grow_during_training(visit: Visit, service: BrowserService) -> None:
    sweep_id = service.submit([0.5], **LONG)
    page = visit.open(f"/ui/sweeps/{sweep_id}")
    expect(page.locator("#status")).to_have_text("running")
    plot_requests: list[str] = []
    expect(page.locator("#by-epoch .scatterlayer .js-line")).to_have_count(1)
    page.on("request", lambda request: plot_requests.append(request.url) if "/plot?" in request.url else None)
    bar = page.locator("#runs progress")
    seen = set()

    def has_grown() -> bool:
        seen.add(bar.evaluate("bar => bar.value"))
        return len(seen) > 4

    line = page.locator("#by-epoch .scatterlayer .js-line")
    before = line.get_attribute("d")
    wait_until(has_grown, seconds=60)
    expect(line).not_to_have_attribute("d", str(before))
    assert count_points(page, "by-scale") == 2  # hollow markers of the running run
    assert plot_requests == []  # epochs arrive as events
    expect(page.locator("#progress-text")).to_contain_text("left")
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#status")).to_have_text("cancelled")
    expect(page.get_by_role("button", name="Cancel")).to_be_hidden()
    expect(page.get_by_role("button", name="Retry")).to_be_visible()


def test_page_recovers_after_an_api_restart(visit: Visit, service: BrowserService) -> None:
    sweep_id = service.submit([0.5], **LONG)
    page = visit.open(f"/ui/sweeps/{sweep_id}")
    expect(page.locator("#status")).to_have_text("running")
    page.evaluate("window.notReloaded = true")
    service.api.stop()
    expect(page.locator("#connection")).to_contain_text("does not respond")
    service.api.start()
    expect(page.locator("#connection")).to_be_hidden()
    before = service.sweep(sweep_id)["progress"]["epochs_done"]
    wait_until(lambda: page.locator("#runs progress").evaluate("bar => bar.value") >= before)
    service.http.post(f"/sweeps/{sweep_id}/cancel")  # not with the page's button, so the page must receive an event
    expect(page.locator("#status")).to_have_text("cancelled")
    assert page.evaluate("window.notReloaded")
    shown = page.locator("#runs progress").evaluate("bar => bar.value")
    assert shown == service.sweep(sweep_id)["progress"]["epochs_done"]
    visit.ignore_errors("ERR_CONNECTION_REFUSED")
    visit.ignore_errors("ERR_INCOMPLETE_CHUNKED_ENCODING")


def test_extended_sweep_trains_the_new_runs(visit: Visit, service: BrowserService) -> None:
    page = visit.open(f"/ui/sweeps/{service.finished([0.25])}")
    expect(page.locator("#status")).to_have_text("succeeded")
    page.get_by_role("button", name="Extend").click()
    page.get_by_role("dialog").get_by_label("Scales to add").last.fill("0.75")
    page.get_by_role("dialog").get_by_label("Seeds to add").fill("1")
    page.get_by_role("dialog").get_by_role("button", name="Extend").click()
    expect(page.locator("#runs tbody tr")).to_have_count(4)
    expect(page.locator("#runs .status[data-status=succeeded]")).to_have_count(4)
    expect(page.locator("#metrics tbody tr")).to_have_count(2)


def test_legend_button_hides_and_shows_a_curve(visit: Visit, finished: str) -> None:
    page = visit.open(f"/ui/sweeps/{finished}")
    wait_until(lambda: count_points(page, "by-scale") == 9)
    entry = page.locator("#by-scale-legend").get_by_role("button", name="Train")
    entry.click()
    wait_until(lambda: count_points(page, "by-scale") == 5)
    expect(entry).to_have_attribute("aria-pressed", "false")
    entry.click()
    wait_until(lambda: count_points(page, "by-scale") == 9)


def test_sweep_can_be_downloaded_as_image_and_table(visit: Visit, finished: str) -> None:
    page = visit.open(f"/ui/sweeps/{finished}")
    files = {}
    expect(page.locator("#confusion tbody tr")).to_have_count(10)
    run_id = page.locator("#confusion-run").input_value()
    for plot, name in (
        ("accuracy against scale", f"{finished}-accuracy"),
        ("accuracy against epoch", f"{finished}-epochs"),
        ("the matrix", f"{finished}-matrix"),
        ("the confusion matrix", f"{run_id}-confusion"),
    ):
        for file_format in ("png", "svg", "pdf"):
            with page.expect_download() as download:
                page.get_by_role("button", name=f"{file_format.upper()} of {plot}", exact=True).click()
            assert download.value.suggested_filename == f"{name}.{file_format}"
            files[plot, file_format] = Path(download.value.path()).read_bytes()
    for (_, file_format), content in files.items():
        assert (b"<svg" in content) if file_format == "svg" else content.startswith(MAGIC[file_format])
    assert len(set(files.values())) == len(files)
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    assert download.value.suggested_filename == f"{finished}.csv"
    assert len(list(csv.DictReader(Path(download.value.path()).read_text().splitlines()))) == 24


@pytest.mark.parametrize(("code", "interpreter"), [("copy-python", [sys.executable]), ("copy-curl", ["sh"])])
def test_copied_code_repeats_the_sweep_and_saves_its_finished_plot(
    *, visit: Visit, service: BrowserService, other: str, tmp_path: Path, code: str, interpreter: list[str]
) -> None:
    page = visit.open(f"/ui/sweeps/{other}")
    expect(page.locator("#status")).to_have_text("succeeded")
    page.get_by_role("button", name="Copy as code").click()
    # Not reused, so that the plot would be empty if the code did not wait.
    program = page.locator(f"#{code}").inner_text().replace("scales=", "reuse=False, scales=")
    program = program.replace('"scales":', '"reuse":false,"scales":')
    assert "own_dataset" not in program
    (tmp_path / "copied").write_text(program)
    subprocess.run([*interpreter, "copied"], cwd=tmp_path, check=True, timeout=60)
    again, first = service.http.get("/sweeps", params={"limit": 1}).json()["sweeps"][0], service.sweep(other)
    assert again["id"] != first["id"]
    assert [again[key] for key in ("config", "scales", "seeds", "name", "tags")] == [
        first[key] for key in ("config", "scales", "seeds", "name", "tags")
    ]
    assert again["status"] == "succeeded"
    assert (tmp_path / "accuracy.png").read_bytes() == service.http.get(f"/sweeps/{again['id']}/plot").content


def test_api_key_is_requested_once_per_tab(visitor: Visitor, service: BrowserService) -> None:
    visit = visitor(base=service.api_with_keys.url)
    page = visit.open("/ui")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("API key").fill("ns_wrong")
    dialog.get_by_role("button", name="Use this key").click()
    expect(dialog).to_contain_text("Unknown API key")
    dialog.get_by_label("API key").fill(KEY)
    dialog.get_by_label("API key").press("Enter")
    expect(page.locator("#estimate")).to_contain_text("5 runs")
    expect(dialog).to_be_hidden()
    visit.open("/ui/workers")
    expect(page.locator("#workers-status")).to_contain_text("alive")
    expect(dialog).to_be_hidden()
    page.get_by_role("button", name="Forget the API key").click()
    expect(dialog).to_be_visible()
    visit.ignore_errors("status of 401")


def test_sweep_can_be_started_and_cancelled_by_keyboard(visit: Visit, service: BrowserService) -> None:
    page = visit.open("/ui")
    expect(page.locator("#estimate")).to_contain_text("runs")

    def tab_to(name: str) -> None:
        """Press Tab until the element with this name has the focus."""
        for _ in range(80):
            page.keyboard.press("Tab")
            if (
                page.evaluate("(document.activeElement.labels?.[0] ?? document.activeElement).textContent.trim()")
                == name
            ):
                visible = "getComputedStyle(document.activeElement).outlineStyle !== 'none'"
                assert page.evaluate(visible), f"the focus on {name} is not visible"
                return
        pytest.fail(f"the Tab key does not reach {name}")

    tab_to("Skip to content")
    page.keyboard.press("Enter")
    tab_to("Data set")
    page.keyboard.type("digits")
    tab_to("Noise scales")
    for _ in range(4):
        page.keyboard.press("Backspace")
    page.keyboard.type("0.4 ")
    tab_to("Epochs")
    page.keyboard.press("Control+a")
    page.keyboard.type("200")
    tab_to("More settings")
    page.keyboard.press("Enter")
    tab_to("Name")
    page.keyboard.type("keys")
    tab_to("Batch size")
    page.keyboard.press("Control+a")
    page.keyboard.type("8")
    tab_to("Start sweep")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/ui/sweeps/"))
    expect(page.get_by_role("heading", level=1)).to_have_text("keys")
    expect(page.locator("#runs .status").first).to_have_text("running")
    tab_to("Cancel")
    page.keyboard.press("Enter")
    expect(page.locator("#status")).to_have_text("cancelled")
    tab_to("Retry")
    (sweep,) = service.http.get("/sweeps", params={"name": "keys"}).json()["sweeps"]
    assert sweep["scales"] == [0.1, 0.4]


def test_sweep_names_are_escaped(visit: Visit, service: BrowserService) -> None:
    name = "<img src=x onerror=alert(1)> %{x} & <b>bold</b>"
    ids = [service.finished([0.2], name=name), service.finished([0.2, 0.5], name=name)]
    page = visit.open(f"/ui/sweeps/{ids[0]}")
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    visit.open(f"/ui/compare?sweep={ids[0]}&sweep={ids[1]}")
    expect(page.locator("#differences tbody th")).to_have_text([f"{name} ({sweep_id})" for sweep_id in ids])
    wait_until(lambda: count_points(page, "overlay") == 3)
    point = page.locator("#overlay .scatterlayer .points path").first.bounding_box()
    assert point
    page.mouse.move(point["x"] + point["width"] / 2, point["y"] + point["height"] / 2)
    expect(page.locator("#overlay .hovertext").first).to_contain_text(name)
    visit.open("/ui")
    expect(page.locator("#sweeps .name").first).to_have_text(name)


def test_workers_page_updates_without_reload(visit: Visit, service: BrowserService) -> None:
    (worker,) = service.http.get("/workers").json()["workers"]
    page = visit.open("/ui/workers")
    expect(page.get_by_role("heading", level=2)).to_have_text(worker["name"])
    expect(page.locator("#queue dt")).to_have_count(4)
    sweep_id = service.submit([0.5], **LONG)
    expect(page.locator("#workers a")).to_have_attribute("href", f"/ui/runs/{sweep_id}-0")
    service.http.post(f"/sweeps/{sweep_id}/cancel")
    expect(page.locator("#workers")).to_contain_text("Idle.")
