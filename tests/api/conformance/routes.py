"""Routes of the OpenAPI document, and raw requests to them."""

from dataclasses import dataclass
from typing import Any

from api.app import create_app
from api.limits import Limits
from shared.settings import Settings
from tests.support.api import ApiThread
from tests.support.raw_http import RawAnswer, send

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
