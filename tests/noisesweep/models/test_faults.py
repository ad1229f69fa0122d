"""Tests of the words for invalid values."""

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from noisesweep.models import EditRequest, ExtensionRequest, KeyRequest, RunRequest, ShareRequest, SweepRequest
from noisesweep.models.faults import did_you_mean, explain

CNN = {"kind": "cnn"}


def explained(model: type[BaseModel], fields: dict[str, Any]) -> list[str]:
    with pytest.raises(ValidationError) as invalid:
        model.model_validate(fields)
    return [explain(fault, model) for fault in invalid.value.errors()]


@pytest.mark.parametrize(("model", "fields", "expected"), [
    (SweepRequest, {"scales": [1.0], "epoch": 3}, "epochs"),
    (SweepRequest, {"scales": [1.0], "learningRate": 0.1}, "learning_rate"),
    (SweepRequest, {"scales": [1.0], "batch-size": 8}, "batch_size"),
    (SweepRequest, {"scales": [1.0], "model": CNN | {"filter": [8]}}, "filters"),
    (SweepRequest, {"scales": [1.0], "model": {"kind": "mlp", "hidden_unit": [8]}}, "hidden_units"),
    (RunRequest, {"scale": 1.0, "sed": 1}, "seed"),
    (RunRequest, {"scale": 1.0, "scales": [1.0]}, "scale"),
    (EditRequest, {"tag": {}}, "tags"),
    (ExtensionRequest, {"scale": [1.0], "seeds": [1]}, "scales"),
    (KeyRequest, {"name": "alice", "roles": "admin"}, "role"),
    (ShareRequest, {"expire_in_days": 1}, "expires_in_days"),
])  # fmt: skip
def test_misspelt_field_is_explained_by_the_one_that_was_meant(
    model: type[BaseModel], fields: dict[str, Any], expected: str
) -> None:
    assert f"expected no field of this name; did you mean `{expected}`?" in explained(model, fields)


@pytest.mark.parametrize(("model", "fields"), [
    (SweepRequest, {"scales": [1.0], "colour": "red"}),
    (SweepRequest, {"scales": [1.0], "model": CNN | {"optimizer": "adam"}}),
    (SweepRequest, {"scales": [1.0], "": 1}),
])  # fmt: skip
def test_unknown_field_that_resembles_none_gets_no_suggestion(model: type[BaseModel], fields: dict[str, Any]) -> None:
    assert explained(model, fields) == ["expected no field of this name"]


@pytest.mark.parametrize(("fields", "expected"), [
    ({"scales": []}, "expected a list with 1 or more items, received 0"),
    ({"scales": [1.0], "tags": {"A": "b"}}, "expected 1 to 32 characters of a-z 0-9 _ . -"),
    (
        {"scales": [1.0], "dataset": "A b"},
        "expected 1 to 64 characters of a-z 0-9 _ - with a letter or digit at the start",
    ),
    (
        {"scales": [1.0], "tags": {f"k{number}": "x" for number in range(17)}},
        "expected an object with up to 16 fields",
    ),
])  # fmt: skip
def test_invalid_values_are_explained_in_own_words(fields: dict[str, Any], expected: str) -> None:
    assert explained(SweepRequest, fields) == [expected]


def test_suggestion_without_a_similar_name_is_empty() -> None:
    assert did_you_mean("limt", ["limit", "cursor"]) == "; did you mean `limit`?"
    assert did_you_mean("x", ["limit", "cursor"]) == did_you_mean("limit", []) == ""
