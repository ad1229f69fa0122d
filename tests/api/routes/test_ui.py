"""Pages and static files over HTTP. tests/browser tests them in a browser."""

import re
from pathlib import Path
from urllib.parse import urljoin

import httpx
import pytest

from api.dashboard import assets
from api.dashboard.example import example
from api.plots.options import ThemeName
from api.plots.theme import THEMES, VALIDATION
from api.science.summary import summary
from noisesweep.models import RunStatus, TrainingConfig
from shared.numerics import NUMERICS
from shared.settings import Settings
from tests.support.api import ApiThread
from tests.support.keys import configured

PAGES = [
    "/ui", "/ui/runs/0123456789abcdef-0", "/ui/sweeps/0123456789abcdef", "/ui/compare?sweep=0123456789abcdef",
    "/ui/class", "/ui/workers", "/docs", "/problems", "/problems/not-found",
]  # fmt: skip
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
MODULES = sorted(set(assets.FOLDER.rglob("*.js")) - {assets.FOLDER / "common" / "lit.js"})


@pytest.mark.parametrize("page", PAGES)
def test_page_has_no_inline_scripts_or_styles(http: httpx.Client, page: str) -> None:
    answer = http.get(page)
    policy = answer.headers["Content-Security-Policy"]
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert not re.search(r"<style|\sstyle=|<script(?![^>]* src=)|\son\w+=|https?://", answer.text)


@pytest.mark.parametrize("page", PAGES)
def test_ids_of_a_page_are_different(http: httpx.Client, page: str) -> None:
    ids = re.findall(r'\bid="([^"]+)"', http.get(page).text)
    assert ids
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("page", PAGES)
def test_assets_of_a_page_are_cached_forever(http: httpx.Client, page: str) -> None:
    named = set(re.findall(rf'"([./]+{assets.PREFIX}/[^"]+)"', http.get(page).text))
    assert named
    for address in named:
        answer = http.get(urljoin(page, address))
        assert answer.status_code == 200
        assert "immutable" in answer.headers["Cache-Control"]


def test_asset_of_an_old_version_is_current_and_revalidated(http: httpx.Client) -> None:
    answer = http.get(f"{assets.PREFIX}/long-gone/styles/base.css")
    assert answer.content == (assets.FOLDER / "styles" / "base.css").read_bytes()
    assert "no-cache" in answer.headers["Cache-Control"]


@pytest.mark.parametrize("name", ["nothing.js", "..%2fassets.py", "%2e%2e/assets.py", "assets.py", ""])
def test_only_listed_assets_are_served(http: httpx.Client, name: str) -> None:
    assert http.get(f"{assets.PREFIX}/any/{name}").status_code == 404


@pytest.mark.parametrize("path", ["/ui/nonsense", "/ui/", "/ui/sweeps/", "/ui/a/b/c", "/ui/a%2Fb/", "/ui/workers/"])
def test_unknown_page_is_a_page_for_browsers(http: httpx.Client, path: str) -> None:
    answer = http.get(path, headers=BROWSER)
    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "Page not found" in answer.text
    linked = re.findall(r'(?:href|src)="([^"#]+)"', answer.text)
    assert {urljoin(path, link).split("/")[1] for link in linked} == {"ui", "docs"}
    assert [http.get(urljoin(path, link)).status_code for link in linked] == [200] * len(linked)
    other = http.get(path)
    assert other.json()["type"] == "/problems/not-found"
    assert "Accept" in answer.headers["Vary"]
    assert "Accept" in other.headers["Vary"]


@pytest.mark.parametrize("path", ["/sweeps/0123456789abcdef", "/nowhere", "/ui" + 20 * "/deep", "/ui/static/x/y.js/"])
def test_other_unknown_paths_are_problem_documents(http: httpx.Client, path: str) -> None:
    answer = http.get(path, headers=BROWSER if "static" not in path else {"Accept": "*/*"})
    assert answer.status_code == 404
    assert answer.json()["type"] == "/problems/not-found"


@pytest.mark.parametrize(
    ("accept", "target"), [("text/html,application/xhtml+xml,*/*;q=0.8", "/ui"), ("*/*", "/docs"), ("", "/docs")]
)
def test_root_redirects_browsers_to_ui_and_others_to_docs(http: httpx.Client, accept: str, target: str) -> None:
    answer = http.get("/", headers={"Accept": accept})
    assert (answer.status_code, answer.headers["Location"]) == (307, target)
    assert answer.headers["Vary"] == "Accept"


def test_pages_need_no_key(settings: Settings) -> None:
    served = ApiThread(settings.model_copy(update={"api_keys": configured("ada")}))
    try:
        assert [served.http.get(page).status_code for page in PAGES] == [200] * len(PAGES)
        assert served.http.get("/sweeps").status_code == 401
    finally:
        served.close()


def test_pages_are_not_in_the_openapi_document(http: httpx.Client) -> None:
    assert not [path for path in http.get("/openapi.json").json()["paths"] if path.startswith("/ui") or path == "/"]


def test_style_sheet_uses_the_plot_colour_of_validation() -> None:
    light, dark = re.findall(r"--validation: (#\w+);", (assets.FOLDER / "styles" / "base.css").read_text())
    assert [light, dark] == [THEMES[name].styles[VALIDATION].colour for name in (ThemeName.LIGHT, ThemeName.DARK)]


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)
def test_js_module_is_short_and_imports_existing_files(module: Path) -> None:
    text = module.read_text()
    assert len(text.splitlines()) <= 300
    for name in re.findall(r'(?:from|import\()\s*"(\.[^"]+)"', text):
        assert (module.parent / name).is_file()


def test_form_shows_the_defaults_of_the_model(http: httpx.Client) -> None:
    page = http.get("/ui").text
    for field, default in (
        ("epochs", "20"),
        ("batch_size", "128"),
        ("hidden_units", "512, 512"),
        ("filters", "20, 50"),
    ):
        assert re.search(rf'<input id="{field}"[^>]* value="{default}"', page)
    assert "<option selected>mnist</option>" in page


def test_example_is_a_finished_sweep_of_the_current_trainer(http: httpx.Client) -> None:
    sweep = example()
    assert sweep.status is RunStatus.SUCCEEDED
    assert sweep.config == TrainingConfig()
    assert sweep.numerics == [NUMERICS]
    # The table of the README.
    accuracies = [run.latest_metrics and round(run.latest_metrics.val_accuracy, 4) for run in sweep.runs]
    assert accuracies == [0.9848, 0.9822, 0.9245, 0.7544, 0.4070, 0.1893]
    plot = http.get("/ui/example?format=json&theme=dark&width=5").json()
    assert {curve["style"]: [point["mean"] for point in curve["points"]] for curve in plot["panels"][0]["curves"]} == {
        "validation": [run.latest_metrics and run.latest_metrics.val_accuracy for run in sweep.runs],
        "training": [run.latest_metrics and run.latest_metrics.accuracy for run in sweep.runs],
    }
    assert summary(sweep).sentence in http.get("/ui").text
    assert http.get("/ui/example?format=png").headers["Content-Type"] == "application/json"
