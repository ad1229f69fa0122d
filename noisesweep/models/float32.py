"""Numbers as the training program computes with them.

The program computes in float32 and rounds dropout rates, so different numbers of a request can give equal results. A
request therefore keeps each of these numbers as the shortest decimal with the same result. All parts of the service
compute, compare, store and show this decimal.
"""

import struct
from collections.abc import Callable
from functools import lru_cache
from typing import Any

# The smallest positive float32 with full precision. TensorFlow replaces smaller results by 0.
SMALLEST = 2.0**-126
# A dropout decision uses 16 random bits, so a rate is a multiple of this.
DROPOUT_STEP = 2.0**-16


def to_float32(number: float) -> float:
    """Return the float32 that is nearest to a number.

    Raises:
        OverflowError: The number is finite, but infinite in float32.
    """
    rounded: float = struct.unpack("f", struct.pack("f", number))[0]
    return rounded


@lru_cache(maxsize=4096)
def shortest(number: float, rounded: Callable[[float], float] = to_float32) -> float:
    """Return the shortest decimal that rounds to the same value as a finite number.

    Args:
        number: The number.
        rounded: Rounds a number to a value of the training program.
    """
    value = rounded(number)
    # 9 digits identify a float32, and 17 digits any number.
    decimals = (float(f"{value:.{digits}g}") for digits in range(1, 18))
    return next(decimal for decimal in decimals if rounded(decimal) == value)


def as_float32(number: float) -> float:
    """Return the shortest decimal of the float32 of a number from 0 to 1e38.

    Raises:
        ValueError: The number is positive, but too small for float32.
    """
    if 0 < number < SMALLEST:
        raise ValueError(f"expected no positive number below {SMALLEST:.8g}: training replaces it by 0")
    return shortest(abs(number))  # turns -0.0 into 0.0


def as_dropout(rate: float) -> float:
    """Return the shortest decimal of a dropout rate in [0, 1) that the training program rounds to the same rate.

    Raises:
        ValueError: The rate is so close to 0 or 1 that the program could round it to 0 or 1.
    """
    if rate and not DROPOUT_STEP <= rate <= 1 - DROPOUT_STEP:
        raise ValueError(
            f"expected 0 or a number from {DROPOUT_STEP} to {1 - DROPOUT_STEP}: rates are multiples of 1 / 65536"
        )
    return shortest(abs(rate), _round_dropout)


def _round_dropout(rate: float) -> float:
    return round(rate / DROPOUT_STEP) * DROPOUT_STEP


def format_number(number: float) -> str:
    """Return the text of a number with all its digits; a whole number has no decimals: 1 instead of 1.0."""
    return str(float(number)).removesuffix(".0")


def zero_or(minimum: float, **bounds: float) -> dict[str, Any]:
    """Return the part of a JSON schema that allows 0 and numbers from a minimum, within further bounds.

    Generators of clients would take a choice (anyOf) for one of types.
    """
    return {"not": {"exclusiveMinimum": 0, "exclusiveMaximum": minimum}, **bounds}
