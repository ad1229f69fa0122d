"""Root path and forwarded headers. tests/api/conformance tests every route through nginx."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from shared.settings import Settings
from tests.support.api import ApiThread
from tests.support.raw_http import RawAnswer, exchange, send

Serve = Callable[..., ApiThread]
SCALES = b'{"scales": [0.5]}'


@pytest.fixture
def serve(settings: Settings) -> Iterator[Serve]:
    """Yield a function that serves the API with other settings, given as in environment variables."""
    with ExitStack() as cleanup:

        def serve_with(**changes: Any) -> ApiThread:
            api = ApiThread(Settings(**(dict(settings) | changes)))
            cleanup.callback(api.close)
            return api

        yield serve_with


def location(api: ApiThread, *headers: str, path: str = "/sweeps") -> str:
    """Submit a sweep, and return the Location header of the answer."""
    answer = send(api, "POST", path, ["Content-Type: application/json", *headers], SCALES)
    assert answer.status == 202, answer
    return answer.headers["Location"].rsplit("/", maxsplit=1)[0]


@pytest.mark.parametrize("path", ["/sweeps", "/noise-lab/sweeps"])
def test_proxy_may_remove_or_keep_the_root_path(serve: Serve, path: str) -> None:
    assert location(serve(root_path="/noise-lab"), path=path) == "/noise-lab/sweeps"


@pytest.mark.parametrize("root_path", ["/noise", "/sweeps", "/ui/static", "/a/b.c/~d_e-f"])
def test_root_path_may_begin_like_a_path_of_the_api(serve: Serve, root_path: str) -> None:
    api = serve(root_path=root_path)
    assert location(api) == f"{root_path}/sweeps"
    for path in ("/noise/plot?dataset=digits", "/sweeps", "/ui", "/ui/workers", "/healthz", "/docs"):
        assert send(api, "GET", path).status == 200


@pytest.mark.parametrize(
    "path", ["/noise-labs", "/noise-labs/sweeps", "/noise-lab/noise-labs", "/noise-lab/noise-lab/ui"]
)
def test_similar_path_is_not_the_root_path(serve: Serve, path: str) -> None:
    answer = send(serve(root_path="/noise-lab"), "GET", path)
    assert answer.status == 404
    assert answer.problem["detail"].endswith("; /noise-lab/docs lists all.")


@pytest.mark.parametrize("path", ["/", "/noise-lab", "/noise-lab/"])
def test_root_path_leads_to_the_page(serve: Serve, path: str) -> None:
    answer = send(serve(root_path="/noise-lab"), "GET", path, ["Accept: text/html"])
    assert (answer.status, answer.headers["Location"]) == (307, "/noise-lab/ui")


@pytest.mark.parametrize("prefix", ["", "/noise-lab"])
def test_security_headers_and_probes_are_those_of_the_route(serve: Serve, prefix: str) -> None:
    api = serve(root_path="/noise-lab")
    assert "unsafe-inline" in send(api, "GET", f"{prefix}/redoc").headers["Content-Security-Policy"]
    assert "unsafe" not in send(api, "GET", f"{prefix}/ui").headers["Content-Security-Policy"]
    assert send(api, "GET", f"{prefix}/healthz", host="Host: probe").status == 200
    assert send(api, "GET", f"{prefix}/queue", host="Host: probe").status == 400


def test_data_that_is_not_http_gets_a_problem_type_below_the_root_path(serve: Serve) -> None:
    assert b'"type": "/noise-lab/problems/bad-request"' in exchange(serve(root_path="/noise-lab"), b"nonsense\r\n\r\n")


def test_etags_depend_on_the_root_path_as_the_links_do(serve: Serve) -> None:
    apis = [serve(root_path="/noise-lab"), serve()]
    sweep = str(apis[1].http.post("/sweeps", json={"scales": [0.5]}).headers["Location"])
    assert len({send(api, "GET", sweep).headers["ETag"] for api in apis}) == 2
    for api in apis:
        etag = send(api, "GET", sweep).headers["ETag"]
        assert send(api, "GET", sweep, [f"If-None-Match: {etag}"]).status == 304
        assert send(api, "POST", f"{sweep}/cancel", [f"If-Match: {etag}"]).status == 202


@pytest.mark.parametrize("trusted", ["", "10.1.0.0/16", "::1", "127.0.0.2,192.0.2.0/24"])
def test_forwarded_headers_of_other_clients_are_ignored(serve: Serve, trusted: str) -> None:
    api = serve(trusted_proxies=trusted)
    assert location(api, "X-Forwarded-Prefix: /evil", "X-Forwarded-Host: evil.example") == "/sweeps"
    answer = send(api, "GET", "/queue", ["X-Forwarded-Host: localhost"], host="Host: evil.example")
    assert "received 'evil.example'" in answer.problem["detail"]
    own_page = ["Origin: https://evil.example", "X-Forwarded-Host: evil.example", "Content-Type: application/json"]
    assert send(api, "POST", "/sweeps", own_page, SCALES).status == 403


@pytest.mark.parametrize("trusted", ["127.0.0.1", "10.1.0.0/16, 127.0.0.0/8", "0.0.0.0/0"])
@pytest.mark.parametrize(("headers", "expected"), [
    (["X-Forwarded-Prefix: /noise-lab"], "/noise-lab/sweeps"),
    (["X-Forwarded-Prefix: /noise-lab/"], "/noise-lab/sweeps"),
    (["X-Forwarded-Prefix: /evil, /noise-lab"], "/noise-lab/sweeps"),
    (["X-Forwarded-Prefix: /evil", "X-Forwarded-Prefix: /noise-lab"], "/noise-lab/sweeps"),
    (["X-Forwarded-Prefix: /"], "/lab/sweeps"), (["X-Forwarded-Prefix:"], "/lab/sweeps"), ([], "/lab/sweeps"),
])  # fmt: skip
def test_prefix_of_a_trusted_proxy_replaces_the_root_path(
    serve: Serve, trusted: str, headers: list[str], expected: str
) -> None:
    assert location(serve(trusted_proxies=trusted, root_path="/lab"), *headers) == expected


@pytest.mark.parametrize("prefix", ["noise-lab", "//evil.example", "/a//b", "/../a", "/a/./b", "/a?b", "/a b", "/%61",
    "https://evil.example", "/<script>", "/\xe9", f"/{'a' * 200}"])  # fmt: skip
def test_invalid_prefix_is_refused(serve: Serve, prefix: str) -> None:
    answer = send(serve(trusted_proxies="127.0.0.1"), "GET", "/sweeps", [f"X-Forwarded-Prefix: {prefix}"])
    assert answer.status == 400
    assert answer.problem["detail"].startswith("X-Forwarded-Prefix: expected a path such as /noise-lab")
    assert answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Request-ID"]


def test_host_of_a_trusted_proxy_replaces_the_host(serve: Serve) -> None:
    api = serve(trusted_proxies="127.0.0.1", allowed_hosts="noise.example.org")

    def submit(*headers: str, host: str = "Host: 127.0.0.1:8000") -> RawAnswer:
        return send(api, "POST", "/sweeps", ["Content-Type: application/json", *headers], SCALES, host=host)

    assert submit().status == 400
    assert submit("X-Forwarded-Host: evil.example", host="Host: noise.example.org").status == 400
    for host in ("noise.example.org", "noise.example.org:8443", "evil.example, noise.example.org"):
        assert submit(f"X-Forwarded-Host: {host}").status == 202
    # The page's own origin has the forwarded host, with its port.
    host = "X-Forwarded-Host: noise.example.org:8443"
    assert submit(host, "Origin: https://noise.example.org:8443").status == 202
    assert submit(host, "Origin: https://noise.example.org").status == 403
    assert submit(host, "Origin: http://127.0.0.1:8000").status == 403
    repeated = "Host: noise.example.org\r\nHost: noise.example.org"
    assert submit(host, host=repeated).problem["detail"] == "Host: expected one header line, received 2."


@pytest.mark.parametrize(("headers", "status"), [
    (["X-Forwarded-Proto: https", "Origin: https://localhost"], 202),
    (["X-Forwarded-Proto: https", "Origin: http://localhost"], 403),
    (["X-Forwarded-Proto: http", "Origin: http://localhost"], 202),
    (["Origin: http://localhost"], 202), (["Origin: https://localhost"], 202), (["Origin: ftp://localhost"], 403),
])  # fmt: skip
def test_page_without_tls_cannot_change_a_service_with_tls(serve: Serve, headers: list[str], status: int) -> None:
    api = serve(trusted_proxies="127.0.0.1")
    assert send(api, "POST", "/sweeps", ["Content-Type: application/json", *headers], SCALES).status == status


def test_openapi_document_names_only_the_root_path_of_its_request(serve: Serve) -> None:
    api = serve(trusted_proxies="127.0.0.1")
    for prefix in ("/a", "/b"):
        document = api.http.get("/openapi.json", headers={"X-Forwarded-Prefix": prefix}).json()
        assert document["servers"] == [{"url": prefix}]
    assert "servers" not in api.http.get("/openapi.json").json()
