"""HTTP conformance of every route of the OpenAPI document, with raw requests."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from api.app import create_app
from api.limits import Limits
from shared.settings import Settings
from tests.support.api import ApiThread
from tests.support.raw_http import RawAnswer, connect, exchange, send
from tests.support.redis_server import RedisServer
from tests.support.training import Training
from worker.leases import Leases

DOCUMENT = create_app(Settings(), Limits()).openapi()
PATHS: dict[str, dict[str, Any]] = DOCUMENT["paths"]
SCHEMAS = DOCUMENT["components"]["schemas"]
OPERATIONS = [(method.upper(), path) for path, methods in PATHS.items() for method in methods]
READS = [path for path, methods in PATHS.items() if "get" in methods]
CHANGES = [(method, path) for method, path in OPERATIONS if method != "GET"]
WITH_BODY = [(method, path) for method, path in CHANGES if "requestBody" in PATHS[path][method.lower()]]
METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE")
# Valid bodies and queries of the routes that require one.
BODIES = {
    "/sweeps": b'{"scales": [0.5]}',
    "/runs": b'{"scale": 0.5}',
    "/sweeps/{sweep_id}/runs": b'{"scales": [0.9]}',
}
QUERIES = {"/noise/samples": "?dataset=digits", "/noise/plot": "?dataset=digits", "/plots/compare": "?sweep={sweep_id}"}


@dataclass
class Service:
    """API with a sweep whose only run has succeeded and has a model, and another sweep that tests may extend."""

    api: ApiThread
    sweep_id: str
    extensible_id: str

    def url(self, path: str, query: str | None = None) -> str:
        """Return the URL of a route about the sweep, with a valid query by default."""
        sweep_id = self.extensible_id if path == "/sweeps/{sweep_id}/runs" else self.sweep_id
        ids = {"sweep_id": sweep_id, "run_id": f"{self.sweep_id}-0", "slug": "not-found"}
        return (path + (QUERIES.get(path, "") if query is None else query)).format(**ids)

    def send(self, method: str, target: str, *headers: str, body: bytes = b"") -> RawAnswer:
        return send(self.api, method, target, headers, body)

    @property
    def state(self) -> list[Any]:
        """Return all sweeps and their versions."""
        return [(sweep["id"], sweep["version"]) for sweep in self.api.http.get("/sweeps").json()["sweeps"]]


@pytest.fixture(scope="module")
def service(redis_server: RedisServer) -> Iterator[Service]:
    redis_server.client.flushall()
    settings = Settings(redis_url=redis_server.url, cors_origins=["https://lab.example"])
    api, leases = ApiThread(settings), Leases(settings)
    sweep = api.http.post("/sweeps", json={"scales": [0.5], "dataset": "digits", "keep_model": True}).json()
    Training(leases).epochs(sweep["links"]["self"], runs=1, epochs=2, end=True, model=b"PK")
    other = api.http.post("/sweeps", json={"scales": [0.5]}).json()
    yield Service(api, sweep["id"], other["id"])
    leases.close()
    api.close()


def is_repeatable(parameter: dict[str, Any]) -> bool:
    return bool(parameter["schema"].get("type") == "array")


@pytest.mark.parametrize("path", READS)
def test_head_returns_the_headers_of_get(service: Service, path: str) -> None:
    head, get = service.send("HEAD", service.url(path)), service.send("GET", service.url(path))
    assert (head.status, head.body) == (get.status, b"")
    assert get.status < 300
    changing = ["date", "x-request-id", "transfer-encoding"]
    if path in ("/metrics", "/queue"):  # the times in them change
        changing.append("content-length")
    headers = [[line for line in each.headers.items() if line[0] not in changing] for each in (head, get)]
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
        assert service.sweep_id in disposition or path.startswith("/noise")


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_slash_at_the_end_is_refused_without_a_redirect(service: Service, method: str, path: str) -> None:
    answer = service.send(method, service.url(path, query="/"))
    assert answer.status == 404
    assert "Location" not in answer.headers
    assert f"leave out the slash at the end ({service.url(path, query='')})" in answer.problem["detail"]


@pytest.mark.parametrize("path", PATHS)
def test_other_methods_return_405_with_the_allowed_ones(service: Service, path: str) -> None:
    allowed = {method.upper() for method in PATHS[path]} | ({"HEAD"} if "get" in PATHS[path] else set())
    for method in METHODS:
        if method not in allowed:
            answer = service.send(method, service.url(path))
            assert answer.status == 405
            assert set(answer.headers["Allow"].split(", ")) == allowed
            if method != "HEAD":
                assert f"received {method}." in answer.problem["detail"]


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_unknown_query_parameter_is_refused(service: Service, method: str, path: str) -> None:
    before = service.state
    query = f"{QUERIES.get(path, '?')}&tags=a".replace("?&", "?")
    headers = ["Content-Type: application/json"] if path in BODIES else []
    answer = service.send(method, service.url(path, query), *headers, body=BODIES.get(path, b""))
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
            if path in ("/noise/samples", "/noise/plot") and parameter["name"] == "dataset":
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
    assert f"expected application/json, received {received}." in answer.problem["detail"]
    assert service.state == before


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "APPLICATION/JSON", "application/a+json"])
def test_types_of_json_are_accepted(service: Service, path: str, content_type: str) -> None:
    answer = service.send("POST", service.url(path), f"Content-Type: {content_type}", body=BODIES[path])
    assert answer.status == 202


@pytest.mark.parametrize(("method", "path"), WITH_BODY)
def test_compressed_body_returns_415(service: Service, method: str, path: str) -> None:
    headers = ["Content-Type: application/json", "Content-Encoding: gzip"]
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
    assert "expected one header line, received 2" in answer.problem["detail"]
    assert service.state == before


@pytest.mark.parametrize("path", ["/sweeps/{sweep_id}", "/sweeps/{sweep_id}/results", "/sweeps/{sweep_id}/plot"])
def test_repeated_list_header_is_one_list(service: Service, path: str) -> None:
    etag = service.send("GET", service.url(path)).headers["ETag"]
    assert service.send("GET", service.url(path), 'If-None-Match: "a"', f"If-None-Match: {etag}").status == 304


@pytest.mark.parametrize(("method", "path"), CHANGES)
@pytest.mark.parametrize("header", ["Origin: https://evil.example", "Origin: null", "Origin: http://localhost:1",
    "Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-site"])  # fmt: skip
def test_page_of_another_site_cannot_change_anything(service: Service, method: str, path: str, header: str) -> None:
    before = service.state
    answer = service.send(
        method, service.url(path), header, "Content-Type: application/json", body=BODIES.get(path, b"")
    )
    assert (answer.status, answer.problem["type"]) == (403, "/problems/cross-site-request")
    assert service.state == before


@pytest.mark.parametrize("header", ["Origin: http://localhost", "Origin: https://lab.example", "Sec-Fetch-Site: none",
    "Sec-Fetch-Site: same-origin", "X-None: "])  # fmt: skip
def test_own_pages_allowed_pages_and_programs_can_submit(service: Service, header: str) -> None:
    answer = service.send("POST", "/runs", header, "Content-Type: application/json", body=BODIES["/runs"])
    assert answer.status == 202


def details(answer: RawAnswer) -> list[str]:
    """Return the details of an answer's invalid fields; none if the request was accepted."""
    return [error["detail"] for error in answer.problem["errors"]] if answer.status == 422 else []


@pytest.mark.parametrize(("method", "path"), WITH_BODY)
def test_invalid_fields_are_explained_in_plain_words(service: Service, method: str, path: str) -> None:
    schema = PATHS[path][method.lower()]["requestBody"]["content"]["application/json"]["schema"]
    fields = SCHEMAS[schema["$ref"].rsplit("/", 1)[1]]["properties"]
    valid, found = json.loads(BODIES[path]), []
    values = [None, True, -1, 1e9, 0.5, 10**30, "x" * 200, "", [], [None], [-1], [1e9], [0.5], {}, {"A": ""}, {"a": 1}]
    for field in [*fields, "nonsense"]:
        for value in values:
            body = json.dumps(valid | {field: value}).encode()
            answer = service.send(method, service.url(path), "Content-Type: application/json", body=body)
            found += details(answer)
    for body in (
        b"[1]",
        b'"x"',
        b"null",
        b"",
        b'{"scales": [NaN], "scale": NaN}',
        b"1",
        b"{",
        b'{"name": "\xff"}',
        b"[" * 9999,
    ):
        found += details(service.send(method, service.url(path), "Content-Type: application/json", body=body))
    assert len(set(found)) > 10
    assert not [detail for detail in found if not detail.startswith(("expected ", "The body is not valid JSON"))]


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_invalid_parameters_are_explained_in_plain_words(service: Service, method: str, path: str) -> None:
    found = []
    for parameter in PATHS[path][method.lower()].get("parameters", ()):
        name = parameter["name"]
        for value in ("", "x", "-1", "1e99", "nan", "9" * 400, "%ff", "a+b"):
            if parameter["in"] == "query":
                query = "&".join([f"?{name}={value}", *QUERIES.get(path, "?")[1:].split("&")])
                found += details(service.send(method, service.url(path, query)))
            elif parameter["in"] == "header":
                found += details(service.send(method, service.url(path), f"{name}: {value}"))
    assert not [detail for detail in found if not detail.startswith("expected ")]


@pytest.mark.parametrize("data", [
    b"nonsense\r\n\r\n", b"BREW /sweeps HTTP/1.1\r\nHost: localhost\r\n\r\n", b"GET /\xe9 HTTP/1.1\r\n\r\n",
    b"GET /sweeps HTTP/9.9\r\n\r\n", b"GET /sweeps HTTP/1.1\r\nX\x01: a\r\n\r\n", b"GET /sweeps HTTP/1.1\r\n\r\n",
    b"POST /sweeps HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    b"POST /sweeps HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n",
])  # fmt: skip
def test_data_that_is_not_http_is_answered_with_a_problem_document(service: Service, data: bytes) -> None:
    head, _, body = exchange(service.api, data.replace(b"\r\n", b"\r\nConnection: close\r\n", 1)).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400")
    assert b"\r\ncontent-type: application/problem+json" in head
    assert b'"type": "/problems/bad-request"' in body
    assert b"xpected" in body


def test_data_that_is_not_http_does_not_enter_an_answer(service: Service) -> None:
    sweep = service.api.http.post("/sweeps", json={"scales": [0.5]}).json()["id"]
    events = f"GET /sweeps/{sweep}/events HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    with connect(service.api) as client:
        client.sendall(events)
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += client.recv(65536)
        client.sendall(b"nonsense\r\n\r\n")
        while received := client.recv(65536):
            answer += received
    assert answer.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize("protocol", ["h2c", "websocket", "TLS/1.0"])
@pytest.mark.parametrize("body", [b"Content-Length: 16\r\n\r\n{\"scales\":[0.5]}",
    b"Transfer-Encoding: chunked\r\n\r\n10\r\n{\"scales\":[0.5]}\r\n0\r\n\r\n"])  # fmt: skip
def test_upgrades_are_ignored(service: Service, protocol: str, body: bytes, caplog: pytest.LogCaptureFixture) -> None:
    upgrade = f"Host: localhost\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: {protocol}\r\nHTTP2-Settings: AA\r\n"
    post = b"POST /sweeps HTTP/1.1\r\nContent-Type: application/json\r\n" + upgrade.encode() + body
    get = f"GET /healthz HTTP/1.1\r\n{upgrade}\r\n".encode()
    last = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    for parts in ([post + get + last], [post[:100], post[100:-9], post[-9:], get + last[:5], last[5:]]):
        answer = exchange(service.api, *parts)
        assert (answer.count(b"HTTP/1.1 202"), answer.count(b"HTTP/1.1 200")) == (1, 2)
    assert not [record for record in caplog.records if record.name.startswith("uvicorn")]


@pytest.mark.parametrize(("headers", "allowed"), [
    (["Origin: https://lab.example", "Access-Control-Request-Method: POST"], True),
    (["Origin: https://evil.example", "Access-Control-Request-Method: POST"], False),
    (["Origin: https://lab.example", "Access-Control-Request-Method: PATCH"], False),
])  # fmt: skip
def test_refused_preflight_is_a_problem_document(service: Service, headers: list[str], allowed: bool) -> None:
    answer = service.send("OPTIONS", "/sweeps", *headers)
    if allowed:
        assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (200, "https://lab.example")
    else:
        assert answer.problem["type"] == "/problems/cross-site-request"
        assert headers[0].removeprefix("Origin: ") in answer.problem["detail"]
