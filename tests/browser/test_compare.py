"""Page that compares sweeps, in a browser."""

from pathlib import Path

from playwright.sync_api import expect

from shared.numerics import NUMERICS
from shared.store.keys import SweepKeys
from tests.support.browser import BrowserService, Visit, count_points
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
    wait_until(lambda: count_points(page, "overlay") == 6)
    expect(page.locator("#overlay-note")).to_contain_text("with 95 % interval")
    expect(page.locator("#differences thead")).to_contain_text("noise on")
    expect(page.locator("#values tbody tr")).to_have_count(5)
    page.get_by_role("button", name="other").click()
    wait_until(lambda: count_points(page, "overlay") == 4)
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
    wait_until(lambda: count_points(page, "overlay") == 5)
    visit.ignore_errors("422")


def test_sweeps_of_two_numerics_versions_are_marked(visit: Visit, service: BrowserService) -> None:
    ids = [service.finished([0.2, 0.5], name=name) for name in ("mixed", "single")]
    service.redis.hset(SweepKeys(ids[0]).run(0), "numerics", NUMERICS + 1)  # as if a newer worker had trained it
    page = visit.open(f"/ui/sweeps/{ids[0]}")
    expect(page.locator("#detail")).to_contain_text("different numerics versions")
    visit.open(f"/ui/compare?sweep={ids[0]}&sweep={ids[1]}")
    expect(page.locator("#overlay-note")).to_contain_text("different numerics versions")
    expect(page.locator("#differences thead")).to_contain_text("numerics")
    visit.open(f"/ui/sweeps/{ids[1]}")
    expect(page.locator("#runs tbody tr")).to_have_count(2)
    expect(page.locator("#detail")).to_be_hidden()
