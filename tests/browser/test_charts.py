"""Charts of the page of a sweep: zoom, labels of points, and colours."""

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.support.browser import BrowserService, Visit, Visitor, count_points
from tests.support.waiting import wait_until

Y_RANGE = "[...document.getElementById('by-scale').layout.yaxis.range]"
WHOLE = [-0.02, 1.02]


@pytest.fixture
def page(visit: Visit, finished: str) -> Page:
    page = visit.open(f"/ui/sweeps/{finished}")
    wait_until(lambda: count_points(page, "by-scale") >= 8)
    return page


def controls(page: Page) -> tuple[Locator, Locator]:
    """Return the zoom of the chart against scale, and its button that resets it."""
    zoom = page.locator("#by-scale + .zoom")
    return zoom.get_by_label("Zoom"), zoom.get_by_role("button", name="Reset zoom")


def test_axis_is_chosen_and_reset_by_keyboard(page: Page) -> None:
    choice, reset = controls(page)
    expect(reset).to_be_hidden()
    choice.focus()
    page.keyboard.type("90")
    wait_until(lambda: page.evaluate(Y_RANGE) == [0.9, 1.005])
    expect(page.locator("#by-scale .ytick").first).to_contain_text("90%")
    page.keyboard.press("Tab")
    expect(reset).to_be_focused()
    page.keyboard.press("Enter")
    wait_until(lambda: page.evaluate(Y_RANGE) == WHOLE)
    expect(choice).to_be_focused()
    expect(reset).to_be_hidden()


def test_zoom_to_the_curves_follows_the_legend(page: Page) -> None:
    choice, _ = controls(page)
    choice.select_option("the curves")
    wait_until(lambda: page.evaluate(Y_RANGE) != WHOLE)
    both = page.evaluate(Y_RANGE)
    page.locator("#by-scale-legend").get_by_role("button", name="validation").click()
    wait_until(lambda: page.evaluate(Y_RANGE)[0] > both[0])


def test_dragged_area_is_shown_until_it_is_reset(page: Page) -> None:
    box = page.locator("#by-scale .nsewdrag").bounding_box()
    assert box
    page.mouse.move(box["x"] + 20, box["y"] + 10)
    page.mouse.down()
    page.mouse.move(box["x"] + 120, box["y"] + 90, steps=5)
    page.mouse.up()
    _, reset = controls(page)
    expect(reset).to_be_visible()
    low, high = page.evaluate(Y_RANGE)
    assert 0 < low < high < WHOLE[1]
    page.locator("#log").check()  # draws the chart again
    wait_until(lambda: page.evaluate("document.getElementById('by-scale').layout.xaxis.ticktext?.[0]") == "clean")
    assert page.evaluate(Y_RANGE) == [low, high]
    assert page.evaluate("document.getElementById('by-scale').layout.xaxis.range[0]") < -0.6  # has all scales
    reset.click()
    wait_until(lambda: page.evaluate(Y_RANGE) == WHOLE)


def test_point_shows_its_interval_and_seeds(page: Page, service: BrowserService, finished: str) -> None:
    at = next(each for each in service.http.get(f"/sweeps/{finished}/summary").json()["scales"] if each["scale"] == 1)
    text = [f"{100 * at['val_accuracy'][end]:.1f} %" for end in ("low", "high") if at["val_accuracy"][end] is not None]
    point = page.locator("#by-scale .scatterlayer .trace").filter(has=page.locator(".errorbars"))
    box = page.locator("#by-scale .scatterlayer .trace .points path:visible").nth(6).bounding_box()
    assert box
    assert point.count() >= 1
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    label = page.locator("#by-scale .hovertext").first
    expect(label).to_contain_text("scale 1")
    expect(label).to_contain_text("2 seeds")
    for each in text:
        expect(label).to_contain_text(each)


def test_heatmap_has_the_colours_of_its_picture(page: Page, service: BrowserService, finished: str) -> None:
    plot = service.http.get(f"/sweeps/{finished}/plot", params={"kind": "matrix", "format": "json"}).json()
    [[value, *_], *_] = plot["panels"][0]["cells"]["values"]
    style = plot["theme"]["heatmap"][min(int(20 * value), 19)]
    cell = page.locator("#matrix tbody td").first
    red, green, blue = (int(style["fill"][at : at + 2], 16) for at in (1, 3, 5))
    expect(cell).to_have_css("background-color", f"rgb({red}, {green}, {blue})")
    expect(page.locator("#matrix .outlined")).to_have_count(4)


def test_axis_names_its_unit_on_a_phone(visitor: Visitor, finished: str) -> None:
    page = visitor(width=390).open(f"/ui/sweeps/{finished}")
    title = page.locator("#by-scale .xtitle")
    expect(title).to_contain_text("pixel range 0 to 1")
    wait_until(lambda: count_points(page, "by-scale") >= 8)

    def fits() -> bool:
        box = title.bounding_box()  # None while the chart is drawn again
        return box is not None and box["x"] >= 0 and box["x"] + box["width"] <= 390

    wait_until(fits)
