"""Requests that a browser sends for a page of another site."""

import pytest

from tests.api.conformance.routes import BODIES, CHANGES, Service, body_of


@pytest.mark.parametrize(("method", "path"), CHANGES)
@pytest.mark.parametrize("header", ["Origin: https://evil.example", "Origin: null", "Origin: http://localhost:1",
    "Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-site"])  # fmt: skip
def test_page_of_another_site_cannot_change_anything(service: Service, method: str, path: str, header: str) -> None:
    before = service.state
    answer = service.send(
        method, service.url(path), header, "Content-Type: application/json", body=body_of(method, path)
    )
    assert (answer.status, answer.problem["type"]) == (403, f"{service.root_path}/problems/cross-site-request")
    assert service.state == before


@pytest.mark.parametrize("header", ["Origin: http://localhost", "Origin: https://lab.example", "Sec-Fetch-Site: none",
    "Sec-Fetch-Site: same-origin", "X-None: "])  # fmt: skip
def test_own_pages_allowed_pages_and_programs_can_submit(service: Service, header: str) -> None:
    answer = service.send("POST", "/runs", header, "Content-Type: application/json", body=BODIES["/runs"])
    assert answer.status == 202


@pytest.mark.parametrize(("headers", "allowed"), [
    (["Origin: https://lab.example", "Access-Control-Request-Method: POST"], True),
    (["Origin: https://evil.example", "Access-Control-Request-Method: POST"], False),
    (["Origin: https://lab.example", "Access-Control-Request-Method: PUT"], False),
])  # fmt: skip
def test_refused_preflight_is_a_problem_document(service: Service, headers: list[str], allowed: bool) -> None:
    answer = service.send("OPTIONS", "/sweeps", *headers)
    if allowed:
        assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (200, "https://lab.example")
    else:
        assert answer.problem["type"] == f"{service.root_path}/problems/cross-site-request"
        assert headers[0].removeprefix("Origin: ") in answer.problem["detail"]
