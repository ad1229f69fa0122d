"""HTTP conformance of every route of the OpenAPI document, with raw requests."""

import re
from typing import Any

import pytest

from tests.api.conformance.routes import (
    BODIES,
    METHODS,
    OPERATIONS,
    PATHS,
    QUERIES,
    READS,
    SCHEMAS,
    SUBMISSIONS,
    WITH_BODY,
    Service,
    body_of,
    body_types,
)


def is_repeatable(parameter: dict[str, Any]) -> bool:
    return bool(parameter["schema"].get("type") == "array")


@pytest.mark.parametrize("path", READS)
def test_head_returns_the_headers_of_get(service: Service, path: str) -> None:
    head, get = service.send("HEAD", service.url(path)), service.send("GET", service.url(path))
    assert (head.status, head.body) == (get.status, b"")
    assert get.status < 300
    changing = ["date", "x-request-id", "connection", "transfer-encoding"]
    if path in ("/metrics", "/queue"):  # the times in them change
        changing.append("content-length")
    headers = [[line for line in each.headers.items() if line[0].lower() not in changing] for each in (head, get)]
    assert headers[0] == headers[1]


@pytest.mark.parametrize(
    "path", [path for path in READS if path.endswith(("/plot", "/compare", "/results", "/samples"))]
)
def test_pictures_and_exports_have_file_names(service: Service, path: str) -> None:
    query = QUERIES.get(path, "?")
    formats: dict[str, Any] = next(
        (each["schema"] for each in PATHS[path]["get"]["parameters"] if each["name"] == "format"), {}
    )
    formats = SCHEMAS[formats["$ref"].rsplit("/", 1)[1]] if "$ref" in formats else formats
    for file_format in formats.get("enum", ["json"]):
        suffix = f"&format={file_format}" if formats else ""
        answer = service.send("GET", service.url(path, f"{query}{suffix}"))
        disposition = answer.headers["Content-Disposition"]
        assert re.fullmatch(rf'inline; filename="[a-z0-9-]+\.{file_format}"', disposition)
        assert service.sweep_id in disposition or path.startswith(("/noise", "/datasets"))


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_slash_at_the_end_is_refused_without_a_redirect(service: Service, method: str, path: str) -> None:
    answer = service.send(method, service.url(path, query="/"))
    assert answer.status == 404
    assert "Location" not in answer.headers
    assert (
        f"leave out the slash at the end ({service.root_path}{service.url(path, query='')})" in answer.problem["detail"]
    )


@pytest.mark.parametrize("path", PATHS)
def test_other_methods_return_405_with_the_allowed_ones(service: Service, path: str) -> None:
    allowed = {method.upper() for method in PATHS[path]} | ({"HEAD"} if "get" in PATHS[path] else set())
    for method in METHODS:
        if method not in allowed:
            answer = service.send(method, service.url(path))
            assert answer.status == 405
            if service.is_from_proxy(answer):
                assert method == "TRACE"  # nginx supports it nowhere
                continue
            assert set(answer.headers["Allow"].split(", ")) == allowed
            if method != "HEAD":
                assert f"received {method}." in answer.problem["detail"]


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_unknown_query_parameter_is_refused(service: Service, method: str, path: str) -> None:
    before = service.state
    query = f"{QUERIES.get(path, '?')}&tags=a".replace("?&", "?")
    headers = [f"Content-Type: {body_types(method, path)[0]}"] if (method, path) in WITH_BODY else []
    answer = service.send(method, service.url(path, query), *headers, body=body_of(method, path))
    assert answer.status == 422
    (error,) = answer.problem["errors"]
    assert (error["pointer"], error["received"]) == ("tags", ["a"])
    for parameter in PATHS[path][method.lower()].get("parameters", ()):
        assert parameter["in"] != "query" or parameter["name"] in error["detail"]
    assert service.state == before


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_repeated_query_parameter_is_refused_unless_it_is_a_list(service: Service, method: str, path: str) -> None:
    for parameter in PATHS[path][method.lower()].get("parameters", ()):
        if parameter["in"] == "query" and not is_repeatable(parameter):
            twice = f"{QUERIES.get(path, '?')}&{parameter['name']}=1&{parameter['name']}=2"
            if path.startswith("/noise/") and parameter["name"] == "dataset":
                twice = "?dataset=digits&dataset=mnist"
            answer = service.send(method, service.url(path, twice))
            assert answer.status == 422
            assert parameter["name"] in [error["pointer"] for error in answer.problem["errors"]]


@pytest.mark.parametrize("content_type", [
    "", "Content-Type:", "Content-Type: text/plain", "Content-Type: application/x-www-form-urlencoded",
    "Content-Type: multipart/form-data; boundary=x", "Content-Type: nonsense", "Content-Type: text/json",
])  # fmt: skip
@pytest.mark.parametrize(("method", "path"), WITH_BODY)
def test_body_of_another_type_returns_415(service: Service, method: str, path: str, content_type: str) -> None:
    before = service.state
    answer = service.send(method, service.url(path), content_type, body=BODIES[path])
    assert answer.status == 415
    received = content_type.removeprefix("Content-Type:").strip() or "a body without a type"
    assert f"expected {' or '.join(body_types(method, path))}, received {received}." in answer.problem["detail"]
    assert service.state == before


@pytest.mark.parametrize("path", [path for _, path in SUBMISSIONS])
@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "APPLICATION/JSON", "application/a+json"])
def test_types_of_json_are_accepted(service: Service, path: str, content_type: str) -> None:
    answer = service.send("POST", service.url(path), f"Content-Type: {content_type}", body=BODIES[path])
    assert answer.status == 202


@pytest.mark.parametrize(("method", "path"), WITH_BODY)
def test_compressed_body_returns_415(service: Service, method: str, path: str) -> None:
    headers = [f"Content-Type: {body_types(method, path)[0]}", "Content-Encoding: gzip"]
    answer = service.send(method, service.url(path), *headers, body=BODIES[path])
    assert answer.status == 415
    assert "received gzip" in answer.problem["detail"]


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
@pytest.mark.parametrize("header", ["Host: localhost", "Authorization: Bearer a", "Content-Type: application/json",
    "Idempotency-Key: a", "Last-Event-ID: 1-0"])  # fmt: skip
def test_repeated_header_with_one_value_is_refused(service: Service, method: str, path: str, header: str) -> None:
    before = service.state
    again = [header] if header.startswith("Host") else [header, header.lower()]
    answer = service.send(method, service.url(path), *again)
    assert answer.status == 400
    if not service.is_from_proxy(answer):
        assert "expected one header line, received 2" in answer.problem["detail"]
    assert service.state == before


@pytest.mark.parametrize("path", ["/sweeps/{sweep_id}", "/sweeps/{sweep_id}/results", "/sweeps/{sweep_id}/plot"])
def test_repeated_list_header_is_one_list(service: Service, path: str) -> None:
    etag = service.send("GET", service.url(path)).headers["ETag"]
    answer = service.send("GET", service.url(path), 'If-None-Match: "a"', f"If-None-Match: {etag}")
    assert answer.status == 304 or service.is_from_proxy(answer)


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_preconditions_are_checked_where_they_are_documented(service: Service, method: str, path: str) -> None:
    before, responses = service.state, PATHS[path][method.lower()]["responses"]
    if method == "GET":
        assert service.request(method, path, 'If-None-Match: "other"').status == 200
        assert service.request(method, path, "If-None-Match: *").status == (304 if "304" in responses else 200)
        return
    # Every change of a sweep or run has this precondition. The content of a data set never changes, and a share link
    # does not change its sweep.
    assert ("412" in responses) == ("_id}" in path and "/shares" not in path)
    if "412" in responses:
        for etag in ('"other"', 'W/"other"', '"", "other"', "other"):
            body = body_of(method, path)
            headers = ["Content-Type: application/json"] if body else []
            answer = service.send(method, service.url(path), *headers, f"If-Match: {etag}", body=body)
            assert answer.problem["type"] == f"{service.root_path}/problems/precondition-failed"
            assert f"received {etag}." in answer.problem["detail"]
            assert answer.headers["ETag"] in answer.problem["detail"]
        assert service.state == before
