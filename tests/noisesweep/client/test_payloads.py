"""Tests of request bodies."""

import json

import numpy as np
import pytest

from noisesweep import WrongUsageError
from noisesweep.client.payloads import json_body


def test_numpy_numbers_and_iterables_are_accepted() -> None:
    fields = {"scales": np.linspace(0, 1, 3, dtype=np.float32), "seeds": range(2), "hidden_units": np.array([8])}
    fields |= {"epochs": np.int64(2), "dropout": np.float32(0.5)}
    lists = {"scales": [0.0, 0.5, 1.0], "seeds": [0, 1], "hidden_units": [8]}
    assert json.loads(json_body(fields)) == lists | {"epochs": 2, "dropout": 0.5}


def test_fractional_seeds_are_sent_unchanged() -> None:
    assert json.loads(json_body({"seeds": [1.7]}))["seeds"] == [1.7]


@pytest.mark.parametrize("fields", [{"scales": [float("nan")]}, {"scales": "12"}, {"scales": 1}, {"name": b"x"}])
def test_values_without_json_form_are_rejected(fields: dict[str, object]) -> None:
    with pytest.raises(WrongUsageError, match="Received"):
        json_body(fields)
