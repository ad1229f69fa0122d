"""One bit per image as text: which images a network classified correctly."""

from base64 import b64decode, b64encode

import numpy as np
from numpy.typing import NDArray


def pack_bits(values: NDArray[np.bool_]) -> str:
    """Return booleans as base64 of bytes of 8 bits, most significant bit first, padded with zeros.

    Args:
        values: Shape (count,).
    """
    return b64encode(np.packbits(values).tobytes()).decode("ascii")


def unpack_bits(text: str, count: int) -> NDArray[np.bool_]:
    """Return the booleans in a text of `pack_bits`, of shape (count,).

    Raises:
        ValueError: The text is not base64, or its length is not that of this number of bits.
    """
    packed = np.frombuffer(b64decode(text, validate=True), np.uint8)
    if len(packed) != -(-count // 8):
        raise ValueError(f"expected {-(-count // 8)} bytes for {count} bits, received {len(packed)}")
    return np.unpackbits(packed, count=count).astype(np.bool_)
