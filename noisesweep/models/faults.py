"""Reasons why a value is invalid, in the words of this project instead of pydantic's."""

from collections.abc import Mapping
from typing import Any

# What was expected, by the error type of pydantic; fields in braces are its context.
# Source: https://docs.pydantic.dev/latest/errors/validation_errors/
EXPECTED = {
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "dict_type": "a JSON object",
    "enum": "{expected}",
    "extra_forbidden": "no field of this name",
    "finite_number": "a finite number",
    "float_parsing": "a number",
    "float_type": "a number",
    "greater_than": "a number greater than {gt}",
    "greater_than_equal": "a number of at least {ge}",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a whole number with fewer digits",
    "int_type": "a whole number",
    "invalid_key": "text as the name of a field",
    "less_than": "a number less than {lt}",
    "less_than_equal": "a number of at most {le}",
    "list_type": "a list",
    "literal_error": "{expected}",
    "mapping_type": "a JSON object",
    "missing": "a value, received none",
    "model_attributes_type": "a JSON object",
    "model_type": "a JSON object",
    "string_pattern_mismatch": "text that matches {pattern}",
    "string_too_long": "text with up to {max_length} characters",
    "string_too_short": "text with {min_length} or more characters",
    "string_type": "text",
    "string_unicode": "text that UTF-8 can encode",
    "too_long": "a list with up to {max_length} items, received {actual_length}",
    "too_short": "a list with {min_length} or more items, received {actual_length}",
    "union_tag_invalid": "one of {expected_tags} as {discriminator}, received {tag}",
    "union_tag_not_found": "a JSON object with the field {discriminator}",
}


def explain(fault: Mapping[str, Any]) -> str:
    """Return what was expected instead of an invalid value.

    Args:
        fault: One of the `errors()` of a pydantic.ValidationError. The message of a ValueError is returned unchanged.
    """
    if fault["type"] in EXPECTED:
        context = {name: _plain(value) for name, value in fault.get("ctx", {}).items()}
        return f"expected {EXPECTED[fault['type']].format(**context)}"
    return str(fault["msg"]).removeprefix("Value error, ")


def _plain(value: object) -> object:
    """Return whole floats as integers: 0 instead of 0.0."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
