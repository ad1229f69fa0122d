import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.bits import pack_bits, unpack_bits


@given(st.lists(st.booleans(), max_size=400))
def test_unpacked_bits_are_those_packed(values: list[bool]) -> None:
    text = pack_bits(np.array(values, bool))
    assert text.isascii()
    assert unpack_bits(text, len(values)).tolist() == values


def test_first_image_is_the_most_significant_bit() -> None:
    # 0b10000000, 0b01000000.
    assert pack_bits(np.array([1, 0, 0, 0, 0, 0, 0, 0, 0, 1], bool)) == "gEA="


@pytest.mark.parametrize(("text", "reason"), [("gEA=", "expected 3 bytes for 17 bits, received 2"), ("?", "base64")])
def test_text_of_another_length_or_form_is_rejected(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        unpack_bits(text, 17)
