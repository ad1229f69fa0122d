"""Form of a new sweep in a browser."""

import re
from pathlib import Path

from playwright.sync_api import expect

from tests.support.browser import BrowserService, Visit
from tests.support.own_data import bars, npz


def test_presets_fit_the_kind_of_noise(visit: Visit) -> None:
    page = visit.open("/ui")
    kind, chips = page.get_by_label("Kind of noise"), page.locator("#scales-list li")
    notebook, severities = (page.get_by_role("button", name=name) for name in ("notebook", "severities"))
    kind.select_option("uniform")
    expect(severities).to_be_disabled()  # ImageNet-C has no uniform noise
    kind.select_option("salt_and_pepper")
    expect(page.locator("#scales-help")).to_contain_text("Share of the pixels")
    notebook.click()
    expect(chips).to_have_count(3)  # a share of 2 or 4 is not possible
    severities.click()
    expect(chips).to_have_count(5)
    page.get_by_text("More settings").click()
    expect(page.get_by_label("Clip noisy pixels")).to_be_checked()
    page.get_by_label("Data set", exact=True).first.select_option("digits")
    page.get_by_label("Epochs", exact=True).fill("1")
    page.get_by_role("button", name="Start sweep").click()
    page.wait_for_url(re.compile(r"/ui/sweeps/[0-9a-f]{16}$"))
    expect(page.locator("#description")).to_contain_text("salt-and-pepper noise")
    expect(page.locator("#status")).to_have_text("succeeded")
    expect(page.locator("#samples figure")).to_have_count(5)
    visit.ignore_errors("status of 422")  # until the preset was chosen, the scales 2 and 4 of the notebook were invalid


def test_a_convolutional_network_is_submitted_with_its_own_fields(visit: Visit, service: BrowserService) -> None:
    page = visit.open("/ui")
    page.get_by_label("Data set", exact=True).first.select_option("digits")
    page.get_by_label("Epochs", exact=True).fill("1")
    page.get_by_text("More settings").click()
    filters, hidden = page.get_by_label("Filters"), page.get_by_label("Hidden units")
    expect(hidden).to_be_visible()
    expect(filters).to_be_hidden()
    page.get_by_label("Network").first.select_option("cnn")
    expect(hidden).to_be_hidden()
    filters.fill("4, 0")
    expect(page.locator("#filters-error")).to_contain_text("a number of at least 1")
    filters.fill("4, 8")
    page.get_by_label("Kernel size").fill("13")
    expect(page.locator("#model-error")).to_contain_text("images of at least 40x40 pixels")
    page.get_by_label("Kernel size").fill("3")
    page.get_by_label("Dense units").fill("")
    expect(page.locator(".invalid:visible")).to_have_count(0)
    page.get_by_role("button", name="Start sweep").click()
    page.wait_for_url(re.compile(r"/ui/sweeps/[0-9a-f]{16}$"))
    expect(page.locator("#description")).to_contain_text("convolutional network 4-8")
    sweep = service.sweep(page.url[-16:])
    expected = {"kind": "cnn", "filters": [4, 8], "kernel_size": 3, "dense_units": []}
    assert sweep["config"]["model"] == expected
    visit.ignore_errors("status of 422")


def test_a_data_set_is_added_and_trained_on(visit: Visit, service: BrowserService, tmp_path: Path) -> None:
    archive = tmp_path / "bars.npz"
    archive.write_bytes(npz(bars(classes=3)))
    page = visit.open("/ui")
    page.get_by_label("Data set", exact=True).first.select_option("digits")
    page.get_by_role("button", name="show/add").click()
    dialog = page.get_by_role("dialog")
    page.get_by_label("Its name").fill("Bars of a browser")
    dialog.get_by_role("button", name="Add").click()
    expect(page.locator("#datasets-name-error")).to_contain_text("expected 1 to 64 characters")
    page.get_by_label("Its name").fill("bars-of-a-browser")
    dialog.get_by_role("button", name="Add").click()
    expect(page.locator("#datasets-error")).to_contain_text("expected a zip archive")
    page.get_by_label("File").set_input_files(archive)
    dialog.get_by_role("button", name="Add").click()
    expect(page.locator("#datasets-error")).to_be_hidden()
    expect(dialog.get_by_alt_text("each class of bars-of-a-browser")).to_be_visible()
    dialog.get_by_role("button", name="Close").click()
    expect(page.locator("#dataset")).to_have_value("bars-of-a-browser")
    expect(page.locator("#dataset-help")).to_have_text("240 images")
    page.get_by_label("Epochs", exact=True).fill("1")
    page.get_by_role("button", name="Start sweep").click()
    page.wait_for_url(re.compile(r"/ui/sweeps/[0-9a-f]{16}$"))
    expect(page.locator("#status")).to_have_text("succeeded")
    expect(page.locator("#confusion tbody tr")).to_have_count(3)
    expect(page.locator("#samples canvas").first).to_be_visible()
    visit.ignore_errors("status of 422")
    service.http.delete(f"/sweeps/{page.url[-16:]}").raise_for_status()
    service.http.delete("/datasets/bars-of-a-browser").raise_for_status()


def test_the_button_that_starts_a_sweep_is_on_the_first_screen(visit: Visit) -> None:
    page = visit.open("/ui")
    expect(page.locator("#noise-help")).to_contain_text("noise")
    page.set_viewport_size({"width": 1440, "height": 900})
    card = page.locator(".new-sweep").bounding_box()
    assert card
    assert card["y"] + card["height"] <= 900
    for opened in (False, True):
        expect(page.get_by_role("button", name="Start sweep")).to_be_in_viewport(ratio=1)
        if not opened:
            page.get_by_text("More settings").click()


def test_validation_errors_are_shown_at_their_fields(visit: Visit) -> None:
    page = visit.open("/ui")
    page.get_by_label("Noise scales").last.fill("-1 loud")
    page.get_by_label("Noise scales").last.press("Enter")
    page.get_by_label("Epochs", exact=True).fill("0")
    expect(page.locator("#epochs-error")).to_contain_text("a number of at least 1")
    expect(page.get_by_label("Epochs", exact=True)).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#scales-error")).to_contain_text("a number of at least 0")
    invalid = page.locator("#scales-list [aria-invalid=true]")
    expect(invalid).to_have_text(["-1", "loud"])
    page.get_by_label("Remove scale -1").click()
    page.get_by_label("Remove scale loud").click()
    page.get_by_label("Epochs", exact=True).fill("2")
    expect(page.locator(".invalid:visible")).to_have_count(0)
    expect(page.locator("#estimate")).to_contain_text("5 runs")
    visit.ignore_errors("status of 422")


def test_enter_in_the_scales_field_never_submits(visit: Visit) -> None:
    page = visit.open("/ui")
    submitted: list[str] = []
    page.on("request", lambda request: submitted.append(request.url) if request.url.endswith("/sweeps") else None)
    page.get_by_role("button", name="none").click()
    entry, chips = page.get_by_label("Noise scales").last, page.locator("#scales-list li")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.evaluate("navigator.clipboard.writeText('0.3\\n0.6\\t1.2 ')")
    entry.focus()
    page.keyboard.press("Control+v")
    expect(chips).to_have_text(["0.3", "0.6", "1.2"])
    page.keyboard.press("Enter")
    page.keyboard.type("2.5")
    page.keyboard.press("Enter")
    expect(chips).to_have_text(["0.3", "0.6", "1.2", "2.5"])
    page.keyboard.press("Enter")
    expect(page.locator("#estimate")).to_contain_text("4 runs")
    assert page.url.split("?")[0].endswith("/ui")
    assert submitted == []
    visit.ignore_errors("dry_run=true")  # if pasting was slow, an estimate was requested without scales
