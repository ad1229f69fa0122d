"""ETags of every route that sends one: each names one representation, and 304 is never an answer for another one."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from api.dashboard.assets import assets
from tests.api.conformance.routes import PATHS, QUERIES, READS, SCHEMAS, Service
from tests.support.raw_http import RawAnswer

# Headers of a 200 that its 304 must have too (RFC 9110, section 15.4.5). The server adds the date itself.
KEPT = ("Cache-Control", "Content-Location", "ETag", "Expires", "Vary")
# One more value of each query parameter that has no enumerated values.
OTHER_VALUES = {
    "clip": "true", "columns": "0:1", "dpi": "80", "height": "4", "indices": "3", "log": "true", "noise": "shot",
    "pixel_range": "255", "rows": "0:1", "samples": "true", "scale": "3", "seed": "7", "sweep": "{extensible_id}",
    "width": "5",
}  # fmt: skip
# Not every host has more data sets than digits.
FIXED = {"dataset"}
NOT_IN_OPENAPI = [
    "/static-offline-docs/swagger-ui.css", "/static-offline-docs/favicon.png", "/ui/static/old/styles/base.css",
    *(asset.url for asset in assets().values()),
]  # fmt: skip


@dataclass(frozen=True)
class Representation:
    """Request for one representation."""

    target: str
    accept: str = "*/*"

    def get(self, service: Service, *headers: str) -> RawAnswer:
        return service.send("GET", self.target, f"Accept: {self.accept}", *headers)


def queries(path: str) -> Iterator[str]:
    """Yield the default query of a route, then one for each other value of each parameter."""
    default = QUERIES.get(path, "?")
    yield default
    for parameter in PATHS[path]["get"]["parameters"]:
        name, schema = parameter["name"], parameter["schema"]
        # A parameter that takes no further value. A class has one tag, and a table of transfer one scale per sweep.
        is_complete = schema.get("maxItems") == schema.get("minItems", 0) > 0
        is_complete |= path.endswith("/class") and name == "tag"
        is_complete |= path.endswith("/transfer") and name in ("sweep", "scale")
        if parameter["in"] == "query" and name not in FIXED and not is_complete:
            schema = SCHEMAS[schema["$ref"].rsplit("/", 1)[1]] if "$ref" in schema else schema
            values = [OTHER_VALUES[name]] if name in OTHER_VALUES else schema["enum"]
            yield from (f"{default}&{name}={value}" for value in values if value != schema.get("default"))


@pytest.fixture(scope="module")
def answers(service: Service) -> dict[Representation, RawAnswer]:
    """Return the answer for each representation that has an ETag."""
    routes = [path for path in READS if "304" in PATHS[path]["get"]["responses"]]
    targets = [
        service.url(path, query.replace("{extensible_id}", service.extensible_id))
        for path in routes
        for query in queries(path)
    ]
    targets += [f"/sweeps/{service.extensible_id}", f"/runs/{service.extensible_id}-0", *NOT_IN_OPENAPI]
    wanted = [*map(Representation, targets), Representation(service.url("/sweeps/{sweep_id}/results"), "text/csv")]
    found = {each: each.get(service) for each in wanted}
    assert {each for each, answer in found.items() if answer.status != 200 or not answer.headers["ETag"]} == set()
    return found


def test_every_answer_with_an_etag_is_tested(service: Service, answers: dict[Representation, RawAnswer]) -> None:
    tested = {each.target.partition("?")[0] for each in answers}
    for path in READS:
        if service.url(path, query="") not in tested:
            assert "ETag" not in service.send("GET", service.url(path)).headers


def test_no_two_representations_share_an_etag(answers: dict[Representation, RawAnswer]) -> None:
    tags = Counter(answer.headers["ETag"].removeprefix("W/") for answer in answers.values())
    shared = [tag for tag, count in tags.items() if count > 1]
    assert [each for each, answer in answers.items() if answer.headers["ETag"].removeprefix("W/") in shared] == []


def test_304_has_the_headers_of_200(service: Service, answers: dict[Representation, RawAnswer]) -> None:
    for each, answer in answers.items():
        for known in (answer.headers["ETag"], "*", f'"other", W/{answer.headers["ETag"].removeprefix("W/")}'):
            unchanged = each.get(service, f"If-None-Match: {known}")
            assert (unchanged.status, unchanged.body) == (304, b""), each
            for name in KEPT:
                assert unchanged.headers[name] == answer.headers[name], each
            assert unchanged.headers["Date"]
            assert "Content-Type" not in unchanged.headers


def test_etag_of_another_representation_is_not_current(
    service: Service, answers: dict[Representation, RawAnswer]
) -> None:
    for each, answer in answers.items():
        others = ", ".join(other.headers["ETag"] for other in answers.values() if other is not answer)
        assert each.get(service, f"If-None-Match: {others}").status == 200, each


def test_strong_etags_stand_for_equal_bytes(service: Service, answers: dict[Representation, RawAnswer]) -> None:
    for each, answer in answers.items():
        again = each.get(service)
        assert again.headers["ETag"] == answer.headers["ETag"]
        if not answer.headers["ETag"].startswith("W/"):
            assert again.body == answer.body, each


def test_negotiated_answers_vary(service: Service) -> None:
    for path in READS:
        parameters = PATHS[path]["get"].get("parameters", ())
        if any(parameter["name"] == "accept" for parameter in parameters):
            assert "Accept" in service.send("GET", service.url(path)).headers["Vary"]


@pytest.mark.parametrize(
    "path", ["/queue", "/sweeps", "/sweeps/0123456789abcdef", "/ui", "/docs", "/problems", "/metrics"]
)
def test_answers_without_an_etag_are_not_reused(service: Service, path: str) -> None:
    assert "no-cache" in service.send("GET", path).headers["Cache-Control"]
