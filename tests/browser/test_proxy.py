"""The pages behind nginx with TLS, below a path of a host."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.support.browser import LONG, BrowserService, Visit, Visitor
from tests.support.nginx import ROOT_PATH, Nginx, documented_servers, nginx_or_skip
from tests.support.pictures import PNG_MAGIC
from tests.support.tls import CertificateAuthority


@pytest.fixture(scope="module")
def url(
    service: BrowserService, authority: CertificateAuthority, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Yield the URL of the service."""
    nginx_or_skip()
    folder = tmp_path_factory.mktemp("nginx")
    api = service.serve_below(ROOT_PATH, folder)
    nginx = Nginx(folder, authority, api.url, documented_servers()[1])
    yield f"{nginx.url}{ROOT_PATH}"
    nginx.close()
    api.close()


@pytest.fixture
def visit(visitor: Visitor, url: str) -> Iterator[Visit]:
    """Yield a visit, and check that no request leaves the path."""
    visit = visitor(base=url)
    requested: list[str] = []
    visit.page.on("request", lambda request: requested.append(request.url))
    yield visit
    assert requested
    assert [each for each in requested if not each.startswith((f"{url}/", "blob:", "data:"))] == []


def test_sweep_is_submitted_watched_and_downloaded(visit: Visit, url: str) -> None:
    page = visit.open("/")
    expect(page).to_have_url(f"{url}/ui")
    page.get_by_label("Data set", exact=True).first.select_option("digits")
    page.get_by_label("Epochs", exact=True).fill("3")
    page.get_by_text("More settings").click()
    page.get_by_label("Name", exact=True).fill("below a path")
    page.get_by_role("button", name="none").click()
    page.get_by_label("Noise scales").last.fill("0.3 0.6")
    page.get_by_role("button", name="Start sweep").click()
    page.wait_for_url(re.compile(rf"{url}/ui/sweeps/[0-9a-f]{{16}}$"))
    expect(page.locator("#status")).to_have_text("succeeded")
    expect(page.locator("#sentence")).to_contain_text("Validation accuracy")
    expect(page.locator("#matrix tbody tr")).not_to_have_count(0)
    expect(page.locator("#samples canvas")).not_to_have_count(0)
    expect(page.locator("#by-epoch .scatterlayer .js-line")).not_to_have_count(0)
    with page.expect_download() as download:
        page.get_by_role("button", name="PNG of accuracy against scale").click()
    assert Path(download.value.path()).read_bytes().startswith(PNG_MAGIC)
    page.get_by_role("button", name="Copy as code").click()
    assert f'NoiseSweep("{url}")' in page.locator("#copy-python").inner_text()
    assert f" {url}/sweeps " in page.locator("#copy-curl").inner_text()


def test_running_sweep_is_live_and_can_be_cancelled(visit: Visit, service: BrowserService) -> None:
    sweep_id = service.submit([0.5], **LONG)
    page = visit.open("/ui/workers")
    expect(page.locator("#workers a")).to_have_text(f"{sweep_id}-0")
    page.locator("#workers a").click()
    page.locator("#sweep").click()
    expect(page.locator("#status")).to_have_text("running")
    expect(page.locator("#progress-text")).to_contain_text(re.compile("^[1-9]"))
    page.get_by_role("button", name="Cancel").first.click()
    expect(page.locator("#status")).to_have_text("cancelled")


def test_list_has_pages_and_leads_to_the_comparison(visit: Visit, service: BrowserService, url: str) -> None:
    for scale in range(1, 13):
        service.finished([scale / 100, 1.0], name=f"listed {scale}", epochs=1)
    page = visit.open("/ui")
    expect(page.locator("#sweeps li")).to_have_count(10)
    page.get_by_role("button", name="Next page").click()
    expect(page.get_by_role("checkbox", name="Compare listed 1", exact=True)).to_be_visible()
    page.get_by_role("checkbox", name="Compare listed 1", exact=True).check()
    page.get_by_role("button", name="First page").click()
    page.get_by_role("checkbox", name="Compare listed 12", exact=True).check()
    page.get_by_role("button", name="Compare").click()
    page.wait_for_url(f"{url}/ui/compare?**")
    expect(page.locator("#values tbody tr")).to_have_count(3)
    page.locator("#differences a").first.click()
    page.wait_for_url(f"{url}/ui/sweeps/*")


def test_documentation_sends_requests_below_the_path(visit: Visit, url: str) -> None:
    page = visit.open("/ui")
    page.get_by_role("link", name="API").click()
    page.wait_for_url(f"{url}/docs")
    page.locator("#operations-queue-get_queue").click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()
    expect(page.locator(".request-url")).to_contain_text(f"{url}/queue")
    expect(page.locator(".live-responses-table .response-col_status").last).to_contain_text("200")


def test_api_key_is_stored_for_one_path_of_the_host(visit: Visit, url: str) -> None:
    page = visit.open("/ui")
    page.evaluate("sessionStorage.setItem('noisesweep-api-key', 'of-the-root')")
    with page.expect_request(f"{url}/sweeps*") as request:
        page.reload()
    assert "authorization" not in request.value.headers
