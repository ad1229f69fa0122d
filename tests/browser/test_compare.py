"""Page that compares sweeps, in a browser."""

from pathlib import Path

from playwright.sync_api import expect

from shared.numerics import NUMERICS
from shared.store.keys import SweepKeys
from tests.support.browser import LONG, BrowserService, Visit, count_points
from tests.support.own_data import bars, npz
from tests.support.pictures import PNG_MAGIC
from tests.support.waiting import wait_until


def test_selected_sweeps_are_compared(visit: Visit, service: BrowserService, finished: str, other: str) -> None:
    page = visit.open("/ui")
    compare = page.get_by_role("button", name="Compare")
    expect(compare).to_be_disabled()
    for name in ("finished", "other"):
        page.get_by_label("Name starts with").fill(name)
        page.get_by_role("checkbox", name=f"Compare {name}").check()
    compare.click()
    expect(page).to_have_url(f"{service.api.url}/ui/compare?sweep={finished}&sweep={other}")
    wait_until(lambda: count_points(page, "overlay") == 7)  # with the half-way mark of one sweep
    expect(page.locator("#overlay-note")).to_contain_text("with 95 % interval")
    expect(page.locator("#overlay-note")).to_contain_text("Diamonds with an edge: half-way scales.")
    expect(page.locator("#differences thead")).to_contain_text("noise on")
    expect(page.locator("#values tbody tr")).to_have_count(5)
    page.get_by_role("button", name="other").click()
    wait_until(lambda: count_points(page, "overlay") == 5)
    page.get_by_role("button", name="finished").click()
    wait_until(lambda: count_points(page, "overlay") == 0)
    with page.expect_download() as download:
        page.get_by_role("button", name="PNG").click()
    assert Path(download.value.path()).read_bytes().startswith(PNG_MAGIC)


def test_sweep_is_compared_with_fresh_noise(visit: Visit, service: BrowserService, finished: str) -> None:
    page = visit.open(f"/ui/sweeps/{finished}")
    page.get_by_role("button", name="With fresh noise").click()
    page.wait_for_url("**/ui/compare?*")
    expect(page.locator("#differences thead")).to_contain_text("resample")
    [fresh] = [sweep for sweep in service.http.get("/sweeps").json()["sweeps"] if sweep["config"]["resample"]]
    assert page.url == f"{service.api.url}/ui/compare?sweep={finished}&sweep={fresh['id']}"
    visit.open(f"/ui/sweeps/{fresh['id']}")
    expect(page.get_by_role("button", name="Extend")).to_be_visible()
    expect(page.get_by_role("button", name="With fresh noise")).to_be_hidden()
    # Another test expects one sweep with the tag.
    service.cancel_all()
    wait_until(lambda: service.http.delete(f"/sweeps/{fresh['id']}").status_code == 204)


def test_two_sweeps_are_compared_in_numbers(visit: Visit, service: BrowserService, finished: str, other: str) -> None:
    page = visit.open(f"/ui/compare?sweep={finished}&sweep={other}")
    found = service.http.get("/compare", params={"sweep": [finished, other]}).json()
    expect(page.locator("#comparison-sentence")).to_have_text(found["sentence"])
    expect(page.locator("#comparison-key")).to_have_text("A: finished. B: other")
    expect(page.locator("#comparison tbody tr")).to_have_count(len(found["scales"]))
    expect(page.locator("#comparison-remarks li")).to_have_count(len(found["remarks"]) + 1)
    visit.open(f"/ui/compare?sweep={finished}")
    expect(page.locator("#values tbody tr")).to_have_count(4)
    expect(page.locator("#comparison-section")).to_be_hidden()


def test_sweeps_with_other_noise_have_a_table_of_kinds(visit: Visit, service: BrowserService) -> None:
    kinds = ["gaussian", "uniform"]
    sweeps = [
        service.finished([0.2, 6.0], include_clean=True, noise=kind, test_noise={other: [0.2, 6.0]}, name=kind)
        for kind, other in (kinds, kinds[::-1])
    ]
    page = visit.open(f"/ui/sweeps/{sweeps[0]}")
    expect(page.locator("#matrix thead th").last).to_have_text("uniform 6")
    found = service.http.get("/transfer", params={"sweep": sweeps}).raise_for_status().json()
    page = visit.open(f"/ui/compare?sweep={sweeps[0]}&sweep={sweeps[1]}")
    expect(page.locator("#transfer-sentence")).to_have_text(found["sentence"])
    expect(page.locator("#transfer tbody td")).to_have_count(4)
    assert all(None not in row["val_accuracy"] for row in found["rows"])
    expect(page.locator("#differences thead")).to_contain_text("test noise")
    expect(page.locator("#comparison-sentence")).to_contain_text("different kinds of noise")
    visit.ignore_errors("/compare?")


def test_reason_is_shown_if_two_sweeps_cannot_be_compared(visit: Visit, service: BrowserService, finished: str) -> None:
    unlike = service.finished([3.0], name="unlike")
    page = visit.open(f"/ui/compare?sweep={finished}&sweep={unlike}")
    expect(page.locator("#comparison-sentence")).to_contain_text("no run at the same scale with the same seed")
    expect(page.locator("#comparison")).to_be_hidden()
    wait_until(lambda: count_points(page, "overlay") == 6)
    visit.ignore_errors("422")


def test_sweeps_of_two_numerics_versions_are_marked(visit: Visit, service: BrowserService) -> None:
    ids = [service.finished([0.2, 0.5], name=name) for name in ("mixed", "single")]
    service.redis.hset(SweepKeys(ids[0]).run(0), "numerics", NUMERICS + 1)  # as if a newer worker had trained it
    page = visit.open(f"/ui/sweeps/{ids[0]}")
    expect(page.locator("#detail")).to_contain_text("different numerics versions")
    visit.open(f"/ui/compare?sweep={ids[0]}&sweep={ids[1]}")
    expect(page.locator("#warnings")).to_contain_text("different numerics versions")
    expect(page.locator("#differences thead")).to_contain_text("numerics")
    visit.open(f"/ui/sweeps/{ids[1]}")
    expect(page.locator("#runs tbody tr")).to_have_count(2)
    expect(page.locator("#detail")).to_be_hidden()


def test_unfinished_sweep_is_marked_with_how_far_it_got(visit: Visit, service: BrowserService, finished: str) -> None:
    unfinished = service.submit([0.2, 1.0], **LONG, name="stopped")
    page = visit.open(f"/ui/compare?sweep={finished}&sweep={unfinished}")
    expect(page.locator("#overlay-legend")).to_contain_text("stopped (running,")
    wait_until(lambda: service.sweep(unfinished)["progress"]["epochs_done"] > 0)
    service.http.post(f"/sweeps/{unfinished}/cancel")
    wait_until(lambda: service.sweep(unfinished)["status"] == "cancelled")
    done = service.sweep(unfinished)["progress"]["epochs_done"]
    mark = f"stopped (cancelled after {done} of 400 epochs)"
    expect(page.locator("#overlay-legend")).to_contain_text(mark)
    expect(page.locator("#values thead")).to_contain_text(mark)
    expect(page.locator("#warnings")).to_have_text(f"Only runs that have succeeded are shown: {mark}.")
    expect(page.locator("#comparison-remarks")).to_contain_text(f"Sweep B: cancelled after {done} of 400 epochs")


def test_different_networks_are_described(visit: Visit, service: BrowserService, finished: str) -> None:
    network = service.finished([0.2], name="network", hidden_units=[8, 4])
    page = visit.open(f"/ui/compare?sweep={finished}&sweep={network}")
    expect(page.locator("#differences thead")).to_contain_text("network")
    expect(page.locator("#differences tbody")).to_contain_text("multilayer perceptron, hidden units 16")
    expect(page.locator("#differences tbody")).to_contain_text("multilayer perceptron, hidden units 8, 4")
    expect(page.locator("#warnings")).to_be_hidden()


def test_different_data_sets_are_named(visit: Visit, service: BrowserService, finished: str) -> None:
    headers = {"Content-Type": "application/zip"}
    service.http.post("/datasets?name=bars-to-compare", content=npz(bars()), headers=headers).raise_for_status()
    other = service.finished([0.2], dataset="bars-to-compare", name="of bars")
    page = visit.open(f"/ui/compare?sweep={finished}&sweep={other}")
    message = "different data sets (digits, bars-to-compare): their accuracies cannot be compared"
    expect(page.locator("#warnings")).to_contain_text(message)
    expect(page.locator("#overlay-legend")).to_contain_text("of bars, bars-to-compare")
    expect(page.locator("#differences tbody")).to_contain_text("SHA-256")
    expect(page.locator("#comparison-sentence")).to_contain_text("different data sets")
    visit.ignore_errors("/compare?")
    service.http.delete(f"/sweeps/{other}").raise_for_status()
    service.http.delete("/datasets/bars-to-compare").raise_for_status()
