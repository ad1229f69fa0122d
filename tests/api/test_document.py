"""Tests of the OpenAPI document, for programs that generate a client from it."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from noisesweep import __version__
from tests.api.conformance.routes import DOCUMENT, PATHS, SCHEMAS

ROOT = Path(__file__).parents[2]
VERBS = frozenset((ROOT / "scripts/wording/verbs.txt").read_text().lower().split())
VERBS |= {"edit", "extend", "follow", "get", "repeat", "retry"}
OPERATIONS: list[dict[str, Any]] = [operation for methods in PATHS.values() for operation in methods.values()]
# Operation ids become names in generated clients, so they are as stable as the paths: see docs/reference/api.md.
PROMISED = frozenset([
    "add_dataset", "cancel_run", "cancel_sweep", "check_health", "check_readiness", "compare_sweeps", "create_key",
    "delete_dataset", "delete_sweep", "download_model", "edit_sweep", "explain_problem", "extend_sweep", "follow_run",
    "follow_sweep", "get_caller", "get_class", "get_dataset", "get_ideal", "get_metrics", "get_noise_samples",
    "get_queue", "get_results", "get_run", "get_summary", "get_sweep", "get_transfer", "list_datasets", "list_keys",
    "list_noise_kinds", "list_problems", "list_shares", "list_sweeps", "list_workers", "plot_class",
    "plot_comparison", "plot_dataset", "plot_noise", "plot_run", "plot_sweep", "plot_transfer",
    "repeat_with_fresh_noise", "retry_sweep", "revoke_key", "revoke_share", "share_sweep", "submit_run",
    "submit_sweep",
])  # fmt: skip
UNITS = {"seconds": "second", "bytes": "byte", "per_minute": "per minute", "_db": "decibel"}


def schemas_in(document: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each JSON object of the document with its path, without examples and defaults."""
    if isinstance(document, dict):
        yield path, document
        for name, value in document.items():
            if name not in ("examples", "default", "example"):
                yield from schemas_in(value, f"{path}/{name}")
    elif isinstance(document, list):
        for index, value in enumerate(document):
            yield from schemas_in(value, f"{path}/{index}")


def test_document_has_version_licence_and_contact() -> None:
    info = DOCUMENT["info"]
    assert info["version"] == __version__
    assert info["license"]["identifier"] == "Apache-2.0"
    assert info["contact"]["name"]


def test_operation_ids_are_unique_verbs_in_snake_case() -> None:
    ids = [operation["operationId"] for operation in OPERATIONS]
    assert len(set(ids)) == len(ids)
    for each in ids:
        assert re.fullmatch("[a-z]+(_[a-z]+)+", each)
        assert each.split("_")[0] in VERBS


def test_promised_operation_ids_remain() -> None:
    assert PROMISED - {operation["operationId"] for operation in OPERATIONS} == set()


def test_each_operation_has_one_described_tag() -> None:
    described = {tag["name"]: tag["description"] for tag in DOCUMENT["tags"]}
    assert all(described.values())
    used = [operation["tags"] for operation in OPERATIONS]
    assert {len(tags) for tags in used} == {1}
    assert {tag for (tag,) in used} == set(described)


def test_everything_is_described() -> None:
    for operation in OPERATIONS:
        described = [operation, *operation.get("parameters", ()), *operation["responses"].values()]
        assert all(each.get("description") for each in described), operation["operationId"]
    for name, schema in SCHEMAS.items():
        assert schema.get("description"), name
        assert [field for field, of in schema.get("properties", {}).items() if not of.get("description")] == [], name


@pytest.mark.parametrize("part", UNITS)
def test_fields_with_a_unit_in_their_name_describe_it(part: str) -> None:
    fields = {
        f"{model}.{name}": field["description"].lower()
        for model, schema in SCHEMAS.items()
        for name, field in schema.get("properties", {}).items()
        if part in name
    }
    assert fields
    assert [name for name, text in fields.items() if UNITS[part] not in text] == []


def test_generators_of_clients_understand_the_schemas() -> None:
    for path, schema in schemas_in(DOCUMENT):
        assert not isinstance(schema.get("default"), dict), f"{path}: a default that is an object"
        assert "patternProperties" not in schema, f"{path}: no generated client reads patternProperties"
        assert not {"anyOf", "type"} <= schema.keys(), f"{path}: a choice of constraints looks like one of types"


def test_binary_answers_are_declared_as_binary() -> None:
    contents = [
        (media_type, content)
        for operation in OPERATIONS
        for response in operation["responses"].values()
        for media_type, content in response.get("content", {}).items()
    ]
    binary = [
        content["schema"] for name, content in contents if name in ("image/png", "application/pdf", "application/zip")
    ]
    assert len(binary) > 10
    assert all(schema == {"type": "string", "format": "binary"} for schema in binary)


def test_pages_of_events_precede_the_stream() -> None:
    for kind in ("sweeps/{sweep_id}", "runs/{run_id}"):
        content = PATHS[f"/{kind}/events"]["get"]["responses"]["200"]["content"]
        assert list(content) == ["application/json", "text/event-stream"]
        assert list(content["text/event-stream"]) == ["itemSchema"]
