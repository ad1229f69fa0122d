"""Page of a run, in a browser."""

import json
import zipfile
from pathlib import Path

from playwright.sync_api import expect

from tests.support.browser import LONG, BrowserService, Visit
from tests.support.pictures import PNG_MAGIC
from tests.support.waiting import wait_until


def test_run_page_has_the_curves_facts_and_downloads_of_a_run(visit: Visit, service: BrowserService) -> None:
    sweep_id = service.finished([0.2, 1.0], name="with models", keep_model=True)
    page = visit.open(f"/ui/sweeps/{sweep_id}")
    page.locator("#runs").get_by_role("link", name="1", exact=True).click()
    expect(page).to_have_url(f"{service.api.url}/ui/runs/{sweep_id}-1")
    expect(page.locator("#title")).to_have_text("Run at scale 1, seed 0")
    run = service.http.get(f"/runs/{sweep_id}-1").json()
    for chart in ("accuracy", "loss"):
        expect(page.locator(f"#{chart} .scatterlayer .js-line")).to_have_count(2)
    for text in (
        run["weights_sha256"],
        run["worker"],
        "3 of 3",
        f"{100 * run['latest_metrics']['val_accuracy']:.1f} %",
    ):
        expect(page.locator("#facts")).to_contain_text(text)
    diagonal = [run["evaluation"]["confusion"][label][label] for label in range(10)]
    cells = page.locator("#confusion tbody tr")
    shown = [cells.nth(label).locator("td").nth(label).inner_text() for label in range(10)]
    assert shown == [str(count) if count else "" for count in diagonal]
    files = {}
    for name, suffix in (("Keras model", ".keras"), ("Results as JSON", ".json"), ("PNG of accuracy and loss", ".png")):
        with page.expect_download() as download:
            page.get_by_role("button", name=name).click()
        assert download.value.suggested_filename.startswith(f"{sweep_id}-1")
        files[suffix] = Path(download.value.path())
    assert zipfile.is_zipfile(files[".keras"])
    assert json.loads(files[".json"].read_text())["epochs"] == run["epochs"]
    assert files[".png"].read_bytes().startswith(PNG_MAGIC)
    page.get_by_role("link", name="with models").click()
    expect(page.locator("#status")).to_have_text("succeeded")


def test_run_page_follows_the_training(visit: Visit, service: BrowserService) -> None:
    sweep_id = service.submit([0.5], **LONG)
    page = visit.open(f"/ui/runs/{sweep_id}-0")
    expect(page.locator("#status")).to_have_text("running")
    expect(page.get_by_role("button", name="Keras model")).to_be_hidden()
    line = page.locator("#loss .scatterlayer .js-line").first
    expect(line).to_be_visible()
    before = line.get_attribute("d")
    wait_until(lambda: line.get_attribute("d") != before)
    service.http.post(f"/sweeps/{sweep_id}/cancel")
    expect(page.locator("#status")).to_have_text("cancelled")
    expect(page.locator("#confusion-section")).to_be_hidden()


def test_unknown_run_is_named(visit: Visit) -> None:
    page = visit.open("/ui/runs/0123456789abcdef-0")
    expect(page.locator("#page-error")).to_be_visible()
    expect(page.locator("#content")).to_be_hidden()
    visit.ignore_errors("status of 404")
