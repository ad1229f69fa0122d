"""Explanations of invalid values, for every field and parameter of the OpenAPI document."""

import json

import pytest

from tests.api.conformance.routes import BODIES, OPERATIONS, PATHS, QUERIES, SCHEMAS, WITH_JSON, Service
from tests.support.raw_http import RawAnswer

pytestmark = pytest.mark.parametrize("service", ["direct"], indirect=True)


def details(answer: RawAnswer) -> list[str]:
    """Return the details of an answer's invalid fields; none if the request was accepted."""
    return [error["detail"] for error in answer.problem["errors"]] if answer.status == 422 else []


@pytest.mark.parametrize(("method", "path"), WITH_JSON)
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
    assert len(set(found)) > 7
    assert not [detail for detail in found if not detail.startswith(("expected ", "The body is not valid JSON"))]


@pytest.mark.parametrize(("path", "body", "pointer", "meant"), [
    ("/sweeps", {"scales": [1], "epoch": 3}, "#/epoch", "epochs"),
    ("/sweeps", {"scales": [1], "model": {"kind": "cnn", "filter": [8]}}, "#/model/filter", "filters"),
    ("/runs", {"scale": 1, "datset": "digits"}, "#/datset", "dataset"),
    ("/sweeps/{sweep_id}/runs", {"scale": [1], "seeds": [7]}, "#/scale", "scales"),
])  # fmt: skip
def test_misspelt_field_gets_a_suggestion(
    service: Service, path: str, body: dict[str, object], pointer: str, meant: str
) -> None:
    answer = service.send("POST", service.url(path), "Content-Type: application/json", body=json.dumps(body).encode())
    (error,) = answer.problem["errors"]
    assert error["pointer"] == pointer
    assert error["detail"] == f"expected no field of this name; did you mean `{meant}`?"


def test_misspelt_parameter_gets_a_suggestion(service: Service) -> None:
    (error,) = service.send("GET", "/sweeps?submiter=alice").problem["errors"]
    assert error["detail"].endswith("; did you mean `submitter`?")


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
