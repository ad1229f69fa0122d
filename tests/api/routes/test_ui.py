"""The pages as they are served; tests/browser looks at them as people do."""

import re
from pathlib import Path

import httpx
import pytest

from api.dashboard import assets
from api.plots.options import ThemeName
from api.plots.theme import THEMES, VALIDATION
from noisesweep.models import hash_api_key
from shared.settings import Settings
from tests.support.api import Served

PAGES = ["/ui", "/ui/sweeps/0123456789abcdef", "/ui/compare?sweep=0123456789abcdef", "/ui/workers"]
MODULES = sorted(assets.FOLDER.glob("*.js"))


@pytest.mark.parametrize("page", PAGES)
def test_a_page_runs_and_looks_as_its_own_files_say_and_nothing_that_stands_in_it(
    http: httpx.Client, page: str
) -> None:
    answer = http.get(page)
    policy = answer.headers["Content-Security-Policy"]
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert not re.search(r"<style|\sstyle=|<script(?![^>]* src=)|\son\w+=|https?://", answer.text)


@pytest.mark.parametrize("page", PAGES)
def test_all_that_a_page_names_is_served_and_kept_for_good(http: httpx.Client, page: str) -> None:
    named = set(re.findall(rf'"({assets.PREFIX}/[^"]+)"', http.get(page).text))
    assert named
    for address in named:
        answer = http.get(address)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["Cache-Control"]


def test_a_file_of_another_edition_is_served_as_it_is_now_and_not_kept(http: httpx.Client) -> None:
    answer = http.get(f"{assets.PREFIX}/long-gone/base.css")
    assert answer.content == (assets.FOLDER / "base.css").read_bytes()
    assert answer.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize("name", ["nothing.js", "..%2fassets.py", "%2e%2e/assets.py", "assets.py", ""])
def test_nothing_but_what_pages_are_made_of_is_served_beside_them(http: httpx.Client, name: str) -> None:
    assert http.get(f"{assets.PREFIX}/any/{name}").status_code == 404


@pytest.mark.parametrize(
    ("accept", "leads_to"), [("text/html,application/xhtml+xml,*/*;q=0.8", "/ui"), ("*/*", "/docs"), ("", "/docs")]
)
def test_the_root_leads_a_browser_to_the_pages_and_others_to_the_description(
    http: httpx.Client, accept: str, leads_to: str
) -> None:
    answer = http.get("/", headers={"Accept": accept})
    assert (answer.status_code, answer.headers["Location"]) == (307, leads_to)
    assert answer.headers["Vary"] == "Accept"


def test_pages_hold_no_data_and_are_shown_without_a_key(settings: Settings) -> None:
    served = Served(settings.model_copy(update={"api_keys": {"ada": hash_api_key("ns_a")}}))
    try:
        assert [served.http.get(page).status_code for page in PAGES] == [200] * len(PAGES)
        assert served.http.get("/sweeps").status_code == 401
    finally:
        served.close()


def test_pages_are_no_part_of_the_described_api(http: httpx.Client) -> None:
    assert not [path for path in http.get("/openapi.json").json()["paths"] if path.startswith("/ui") or path == "/"]


def test_the_style_sheet_has_the_palettes_colour_of_validation() -> None:
    light, dark = re.findall(r"--validation: (#\w+);", (assets.FOLDER / "base.css").read_text())
    assert [light, dark] == [THEMES[name].styles[VALIDATION].colour for name in (ThemeName.LIGHT, ThemeName.DARK)]


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)
def test_a_module_is_short_and_names_others_that_are_there(module: Path) -> None:
    text = module.read_text()
    assert len(text.splitlines()) <= 300
    for name in re.findall(r'(?:from|import\()\s*"\./([^"]+)"', text):
        assert (assets.FOLDER / name).is_file()


def test_the_form_offers_the_defaults_of_the_model(http: httpx.Client) -> None:
    page = http.get("/ui").text
    for field, default in (("epochs", "20"), ("batch_size", "128"), ("hidden_units", "512, 512"), ("dropout", "0.2")):
        assert re.search(rf'<input id="{field}"[^>]* value="{default}"', page)
    assert '<option value="mnist" selected>' in page
