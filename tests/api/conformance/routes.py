"""Routes of the OpenAPI document, and raw requests to them."""

from dataclasses import dataclass
from typing import Any

from api.app import create_app
from api.limits import Limits
from shared.settings import Settings
from tests.support.api import ApiThread
from tests.support.own_data import bars, npz
from tests.support.raw_http import HOST, RawAnswer, Server, send

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
    "/sweeps/{sweep_id}": b'{"name": "week 4"}',
    "/runs": b'{"scale": 0.5}',
    "/sweeps/{sweep_id}/runs": b'{"scales": [0.9]}',
    "/datasets": npz(bars(training=9, test=3)),
    "/keys": b'{"name": "alice"}',
    "/sweeps/{sweep_id}/shares": b"{}",
    "/quotas/{holder}": b"{}",
}
WITH_JSON = [each for each in WITH_BODY if each[1] != "/datasets"]
# Requests that the service answers with new runs.
NO_SUBMISSIONS = ("/keys", "/quotas/{holder}", "/sweeps/{sweep_id}", "/sweeps/{sweep_id}/shares")
SUBMISSIONS = [each for each in WITH_JSON if each[1] not in NO_SUBMISSIONS]
# The status of `Service.request`, by route.
STATUSES = {each: 202 if each in SUBMISSIONS else 412 if each in CHANGES else 200 for each in OPERATIONS}
STATUSES |= {("POST", "/datasets"): 200, ("DELETE", "/datasets/{dataset}"): 409}  # it is there, and cannot be deleted
STATUSES |= {("POST", "/keys"): 409, ("DELETE", "/keys/{name}"): 404}  # a service without keys
STATUSES |= {("PUT", "/quotas/{holder}"): 409, ("DELETE", "/quotas/{holder}"): 404}
STATUSES |= {("PATCH", "/sweeps/{sweep_id}"): 200}
STATUSES |= {("POST", "/sweeps/{sweep_id}/shares"): 409, ("DELETE", "/sweeps/{sweep_id}/shares/{share_id}"): 404}
QUERIES = {
    "/noise/kinds": "?dataset=digits",
    "/noise/samples": "?dataset=digits",
    "/noise/plot": "?dataset=digits",
    "/plots/compare": "?sweep={sweep_id}",
    "/compare": "?sweep={sweep_id}&sweep={sweep_id}",
    "/class": "?tag=course:ml-101",
    "/plots/class": "?tag=course:ml-101",
    "/transfer": "?sweep={sweep_id}&sweep={other_id}&scale=0.5&scale=0.5",
    "/plots/transfer": "?sweep={sweep_id}&sweep={other_id}&scale=0.5&scale=0.5",
}


def body_of(method: str, path: str) -> bytes:
    """Return a valid body of a route; b"" if it has none."""
    return BODIES[path] if (method, path) in WITH_BODY else b""


def body_types(method: str, path: str) -> list[str]:
    """Return the types of a route's body."""
    return list(PATHS[path][method.lower()]["requestBody"]["content"])


@dataclass
class Service:
    """API with a sweep whose only run has succeeded and has a model, and another sweep that tests may extend.

    Attributes:
        api: The API.
        sweep_id: Id of the sweep with a model.
        extensible_id: Id of the other sweep.
        server: What requests are sent to: the API, or a proxy in front of it.
        root_path: The path below which the proxy serves the API; "" without a proxy.
    """

    api: ApiThread
    sweep_id: str
    extensible_id: str
    server: Server
    root_path: str = ""

    def url(self, path: str, query: str | None = None) -> str:
        """Return the URL of a route about the sweep below the root path, with a valid query by default."""
        sweep_id = self.extensible_id if path == "/sweeps/{sweep_id}/runs" else self.sweep_id
        ids = {
            "sweep_id": sweep_id,
            "other_id": self.extensible_id,
            "run_id": f"{self.sweep_id}-0",
            "slug": "not-found",
            "dataset": "digits",
            "name": "nobody",
            "share_id": "0f3c9a41",
            "holder": "key:nobody",
        }
        return (path + (QUERIES.get(path, "") if query is None else query)).format(**ids)

    def send(
        self, method: str, target: str, *headers: str, body: bytes = b"", host: str = HOST, version: str = "1.1"
    ) -> RawAnswer:
        """Send a request to a target below the root path. Only one change has a query, so it is added here."""
        target += "?name=bars" if (method, target) == ("POST", "/datasets") else ""
        return send(self.server, method, self.root_path + target, headers, body, host=host, version=version)

    def request(self, method: str, path: str, *headers: str, **options: str) -> RawAnswer:
        """Send a valid request to a route. A change without a body has an If-Match that is never current."""
        body = body_of(method, path)
        if body:
            headers = (f"Content-Type: {body_types(method, path)[0]}", *headers)
        elif method != "GET":
            headers = ('If-Match: "other"', *headers)
        return self.send(method, self.url(path), *headers, body=body, **options)

    def is_from_proxy(self, answer: RawAnswer) -> bool:
        """Return whether the proxy has refused a request itself."""
        return bool(self.root_path) and answer.status >= 400 and "X-Request-ID" not in answer.headers

    @property
    def state(self) -> list[Any]:
        """Return all sweeps and their versions."""
        return [(sweep["id"], sweep["version"]) for sweep in self.api.http.get("/sweeps").json()["sweeps"]]
