"""Links in answers: each leads to an answer of the API, also below a path of a proxy."""

import json
import re
from collections.abc import Iterator
from urllib.parse import urljoin

import pytest

from tests.api.conformance.routes import BODIES, OPERATIONS, READS, SUBMISSIONS, Service, body_of
from tests.support.raw_http import RawAnswer

PAGES = [
    "/ui",
    "/ui/sweeps/{sweep_id}",
    "/ui/compare?sweep={sweep_id}",
    "/ui/class?tag=a",
    "/ui/workers",
    "/problems",
    "/problems/not-found",
    "/docs",
    "/redoc",
]


def strings(document: object) -> Iterator[str]:
    """Yield all strings in JSON, except the keys."""
    if isinstance(document, str):
        yield document
    elif isinstance(document, dict | list):
        for each in document.values() if isinstance(document, dict) else document:
            yield from strings(each)


def links(answer: RawAnswer) -> list[str]:
    """Return the links in the headers of an answer and in its JSON or HTML."""
    found = [answer.headers[name] for name in ("Location", "Content-Location", "Link") if name in answer.headers]
    content_type = answer.headers.get("Content-Type", "")
    if "json" in content_type:
        found += [text for text in strings(json.loads(answer.body)) if re.fullmatch(r"/[^\s/]\S*", text)]
    elif "html" in content_type:
        page = answer.body.decode()
        found += re.findall(r"""(?:href|src|content|[uU]rl|spec-url)["']?[=:]\s*["']([^"'#]*/[^"']+)["']""", page)
    return found


def assert_links_lead_to_the_api(service: Service, base: str, answer: RawAnswer) -> None:
    for link in links(answer):
        target = urljoin(f"{service.root_path}{base}", link)
        assert target.startswith(f"{service.root_path}/"), link
        # Otherwise the events of a queued run would be a stream.
        followed = service.send("GET", target.removeprefix(service.root_path), "Accept: application/json")
        assert followed.status in (200, 304, 307), link
        assert not service.is_from_proxy(followed), link


@pytest.mark.parametrize("path", READS)
def test_links_of_answers_lead_to_the_api(service: Service, path: str) -> None:
    url = service.url(path, "?limit=1" if path == "/sweeps" else None)
    assert_links_lead_to_the_api(service, url, service.send("GET", url, "Accept: application/json"))


def test_location_of_a_new_data_set_leads_to_it(service: Service) -> None:
    answer = service.request("POST", "/datasets")
    assert answer.headers["Location"] == f"{service.root_path}/datasets/bars"


@pytest.mark.parametrize(("method", "path"), SUBMISSIONS)
def test_links_of_submissions_lead_to_the_api(service: Service, method: str, path: str) -> None:
    answer = service.request(method, path)
    assert links(answer)[0] == answer.headers["Location"]
    assert len(links(answer)) >= 4
    assert_links_lead_to_the_api(service, path, answer)


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_links_of_problem_documents_lead_to_their_pages(service: Service, method: str, path: str) -> None:
    answer = service.send(method, service.url(path, "?nonsense=1"), body=body_of(method, path))
    assert answer.problem["instance"] == f"{service.root_path}{service.url(path, '')}"
    explanation = "/problems/invalid-request"
    assert answer.problem["type"] == f"{service.root_path}{explanation}"
    page = service.send("GET", explanation)
    assert answer.problem["title"] in page.body.decode()
    assert_links_lead_to_the_api(service, explanation, page)


@pytest.mark.parametrize("page", PAGES)
def test_links_of_pages_lead_to_the_api(service: Service, page: str) -> None:
    url = page.format(sweep_id=service.sweep_id)
    answer = service.send("GET", url)
    assert answer.status == 200
    assert links(answer)
    assert_links_lead_to_the_api(service, url, answer)


def test_root_leads_to_the_page_and_to_the_documentation(service: Service) -> None:
    for accept, target in (("text/html", "/ui"), ("*/*", "/docs")):
        assert service.send("GET", "/", f"Accept: {accept}").headers["Location"] == f"{service.root_path}{target}"


def test_requests_of_the_documentation_start_at_the_root_path(service: Service) -> None:
    servers = json.loads(service.send("GET", "/openapi.json").body).get("servers")
    assert servers == ([{"url": service.root_path}] if service.root_path else None)


def test_repeated_submission_has_the_links_of_the_proxy_that_it_came_through(service: Service) -> None:
    headers = {"Idempotency-Key": service.root_path or "direct", "Content-Type": "application/json"}
    lines = [f"{name}: {value}" for name, value in headers.items()]
    first = service.send("POST", "/runs", *lines, body=BODIES["/runs"])
    direct = service.api.http.post("/runs", headers=headers, content=BODIES["/runs"])
    assert (first.status, direct.status_code) == (202, 202)
    assert json.loads(first.body) == direct.json()
