"""Report that the browser prints from the page of a sweep."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import KEY, LONG, BrowserService, Scheme, Visit, Visitor, count_points
from tests.support.waiting import wait_until

TWELVE = [0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0]  # and the clean scale
# Width of A4 paper between the margins of print.css, CSS px.
PAPER_WIDTH = 703
SHA256 = re.compile(r"[0-9a-f]{64}")


@pytest.fixture(scope="module")
def twelve(service: BrowserService) -> str:
    """Return the id of a finished sweep of 12 scales and one seed, with all optional columns, submitted with a key."""
    more = {"include_clean": True, "test_noise": {"shot": [0.3, 1.0], "salt_and_pepper": [0.1, 0.4]}}
    body = {"dataset": "digits", "epochs": 3, "hidden_units": [16], "scales": TWELVE, **more}
    answer = service.api_with_keys.http.post("/sweeps", json=body, headers={"Authorization": f"Bearer {KEY}"})
    sweep_id = str(answer.raise_for_status().json()["id"])
    wait_until(lambda: service.sweep(sweep_id)["status"] == "succeeded", seconds=60)
    return sweep_id


def wait_until_complete(page: Page, points: int) -> Page:
    """Wait until the page shows everything that is printed, and return it."""
    wait_until(lambda: count_points(page, "by-scale") == points)
    expect(page.locator("#confusion tbody tr")).to_have_count(10)
    expect(page.locator("#samples canvas").first).to_be_visible()
    return page


def print_preview(page: Page) -> Page:
    """Show the page as it is on paper, and return it."""
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    page.set_viewport_size({"width": PAPER_WIDTH, "height": 1000})
    return page


def count_pages(pdf: bytes) -> int:
    return len(re.findall(rb"/Type\s*/Page\b", pdf))


@pytest.mark.parametrize(("scheme", "paper"), [("light", "A4"), ("dark", "Letter")])
def test_report_of_twelve_scales_has_two_pages(visitor: Visitor, twelve: str, scheme: Scheme, paper: str) -> None:
    page = wait_until_complete(visitor(scheme).open(f"/ui/sweeps/{twelve}"), points=25)
    assert count_pages(page.pdf(format=paper)) == 2


def test_report_has_settings_submitter_and_hashes(visit: Visit, service: BrowserService, twelve: str) -> None:
    page = print_preview(wait_until_complete(visit.open(f"/ui/sweeps/{twelve}"), points=25))
    sweep = service.sweep(twelve)
    settings = page.locator("#settings").inner_text().replace("\n", " ")
    dataset = service.http.get("/datasets/digits").json()
    ended = max(run["ended_at"] for run in sweep["runs"])
    for text in (
        "Submitted by ada",
        f"Submitted {sweep['created_at'][:16].replace('T', ' ')} UTC",
        f"Last run ended {ended[:16].replace('T', ' ')} UTC",
        f"Page {visit.base}/ui/sweeps/{twelve}",
        f"numerics version {sweep['numerics'][0]}",
        f"SHA-256 of the data set {dataset['sha256']}",
        "Scales clean, 0.1, 0.2, 0.35, 0.5, 0.75, 1, 1.5, 2, 2.5, 3, 4",
        "Network multilayer perceptron, hidden units 16",
        "Also tested with shot 0.3, 1; salt-and-pepper 0.1, 0.4",
    ):
        assert text in settings
    runs = page.locator("#runs").inner_text()
    assert set(SHA256.findall(runs)) == {run["weights_sha256"] for run in sweep["runs"]}
    expect(page.locator("#unfinished")).to_be_hidden()
    expect(page.locator("#confusion-section")).to_contain_text("scale 4")


def test_report_has_no_controls_and_nothing_is_cut(visitor: Visitor, twelve: str) -> None:
    page = print_preview(wait_until_complete(visitor("dark").open(f"/ui/sweeps/{twelve}"), points=25))
    expect(page.locator("body")).to_have_css("background-color", "rgb(255, 255, 255)")
    for control in ("button:not(.legend button)", "input", "nav", "footer", "progress", "#connection"):
        expect(page.locator(control).locator("visible=true")).to_have_count(0)
    expect(page.get_by_text("Time left")).to_be_hidden()
    wide = """elements => elements.filter(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth)
        .map(({ id, tagName }) => id || tagName)"""
    assert page.locator("html, .scroll, .samples, .charts section, #settings").evaluate_all(wide) == []
    sizes = """elements => elements.filter(element => element.innerText?.trim())
        .map(element => parseFloat(getComputedStyle(element).fontSize))"""
    smallest = min(page.locator("main :visible").evaluate_all(sizes))
    assert round(smallest, 2) >= round(7 * 96 / 72, 2)  # 7 pt


def chart_look(page: Page) -> dict[str, Any]:
    """Return the width of a chart in its own pixels, and the colours of its text and of its curves."""
    look: dict[str, Any] = page.locator("#by-scale").evaluate(
        """chart => ({
            width: chart.querySelector(".main-svg").getAttribute("width"),
            text: getComputedStyle(chart.querySelector(".xtick text")).fill,
            curves: [...chart.querySelectorAll(".js-line")].map(line => line.style.stroke),
        })"""
    )
    return look


def test_charts_are_drawn_for_paper_and_restored(visitor: Visitor, twelve: str) -> None:
    light, dark = (
        wait_until_complete(visitor(scheme).open(f"/ui/sweeps/{twelve}"), points=25) for scheme in ("light", "dark")
    )
    before, expected = chart_look(dark), chart_look(light)
    assert before["curves"] != expected["curves"]
    dark.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert chart_look(dark) == {**expected, "width": "460"}
    dark.evaluate("dispatchEvent(new Event('afterprint'))")
    assert chart_look(dark) == before


def test_report_of_an_unfinished_sweep_says_so(visit: Visit, service: BrowserService) -> None:
    page = visit.open(f"/ui/sweeps/{service.submit([0.5, 1.0], **LONG)}")
    expect(page.locator("#status")).to_have_text("running")
    print_preview(page)
    expect(page.locator("#unfinished")).to_have_text("Not finished: 0 of 2 runs have ended.")


def test_report_button_prints_the_page(visit: Visit, finished: str) -> None:
    page = visit.open(f"/ui/sweeps/{finished}")
    page.evaluate("window.print = () => { window.printed = true; }")
    page.get_by_role("button", name="Report").click()
    wait_until(lambda: bool(page.evaluate("window.printed === true")))
