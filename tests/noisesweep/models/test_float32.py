"""Numbers of a request as the training program computes with them."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from noisesweep.models import ExtensionRequest, SweepRequest, TrainingConfig
from noisesweep.models.float32 import DROPOUT_STEP, SMALLEST, as_dropout, as_float32, format_number

# NumPy knows a shorter decimal of one power of two, 2**-96.
scales = st.one_of(st.just(0.0), st.floats(1e-20, 1000))


@given(scales)
@example(0.1 + 0.2)
@example(float(np.float32(0.3)))
def test_scale_becomes_the_shortest_decimal_of_its_float32(scale: float) -> None:
    (stored,) = SweepRequest(scales=[scale]).scales
    assert str(np.float32(stored)) == str(np.float32(scale))
    assert stored == float(str(np.float32(scale)))
    assert float(format_number(stored)) == stored == as_float32(stored)


@given(scales, scales)
@example(0.3, 0.30000000000000004)
@example(0.3, 0.300000012)
def test_two_scales_are_refused_exactly_if_their_float32_is_the_same(one: float, other: float) -> None:
    equal = np.float32(one) == np.float32(other)
    for model in (SweepRequest, ExtensionRequest):
        if equal:
            with pytest.raises(ValidationError, match="expected different values"):
                model(scales=[one, other])
        else:
            assert len(set(map(format_number, model(scales=[one, other]).scales))) == 2


@given(scales, scales)
@example(0.3, 0.30000000000000004)
def test_extended_grid_has_each_float32_once(present: float, added: float) -> None:
    extended = SweepRequest(scales=[present]).extended(ExtensionRequest(scales=[added]).scales, [])
    assert len(extended.scales) == len({np.float32(present), np.float32(added)})


@given(st.floats(DROPOUT_STEP, 1 - DROPOUT_STEP))
def test_dropout_becomes_the_shortest_decimal_of_its_rate(rate: float) -> None:
    stored = TrainingConfig(dropout=rate).dropout
    assert round(stored * 65536) == round(rate * 65536)
    assert stored == as_dropout(stored)
    assert len(format_number(stored)) <= len(format_number(rate))


@given(st.floats(1e-20, 1))
def test_learning_rate_becomes_the_shortest_decimal_of_its_float32(rate: float) -> None:
    assert TrainingConfig(learning_rate=rate).learning_rate == float(str(np.float32(rate)))


@given(st.floats(0, SMALLEST, exclude_min=True, exclude_max=True))
def test_number_that_training_replaces_by_0_is_refused(tiny: float) -> None:
    for fields in ({"scales": [tiny]}, {"scales": [1.0], "learning_rate": tiny}):
        with pytest.raises(ValidationError, match=r"expected no positive number below 1\.1754944e-38"):
            SweepRequest(**fields)


@pytest.mark.parametrize("rate", [5e-324, 1e-9, 0.99 * DROPOUT_STEP, 0.99999, 0.999999999])
def test_dropout_too_close_to_0_or_1_is_refused(rate: float) -> None:
    with pytest.raises(ValidationError, match="rates are multiples of 1 / 65536"):
        TrainingConfig(dropout=rate)


@pytest.mark.parametrize("smallest", [SMALLEST, 1.1754944e-38])
def test_smallest_number_is_accepted_and_stays_valid(smallest: float) -> None:
    request = SweepRequest(scales=[0.0, smallest], learning_rate=smallest)
    assert SweepRequest.model_validate_json(request.model_dump_json()) == request


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (1.0, "1"), (1000.0, "1000"), (0.30000001, "0.30000001"), (1e-05, "1e-05"), (255_000.0, "255000")],
)
def test_numbers_are_shown_with_all_digits(number: float, text: str) -> None:
    assert format_number(number) == text


def test_equal_values_are_named_as_they_were_received() -> None:
    with pytest.raises(ValidationError, match=r"received 0\.3 and 0\.30000000000000004, which equal 0\.3 in float32"):
        SweepRequest.model_validate_json('{"scales": [0.3, 1, 0.30000000000000004]}')
    with pytest.raises(ValidationError, match=r"received 1 more than once; 2 and 2\.0, which equal 2"):
        SweepRequest.model_validate_json('{"scales": [1], "seeds": [1, 1, 2, 2.0]}')
