"""Reasons why a value is invalid, in the words of this project instead of pydantic's."""

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from typing import Any

from pydantic import BaseModel

from noisesweep.models.text import DATASET_SLUG, TAG_KEY

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


# Patterns of text, in words.
PATTERNS = {
    DATASET_SLUG: "1 to 64 characters of a-z 0-9 _ - with a letter or digit at the start",
    TAG_KEY: "1 to 32 characters of a-z 0-9 _ . -",
}
# Least similarity of a name to one that was probably meant.
SIMILARITY = 0.7


def explain(fault: Mapping[str, Any], model: type[BaseModel] | None = None) -> str:
    """Return what was expected instead of an invalid value.

    Args:
        fault: One of the `errors()` of a pydantic.ValidationError. The message of a ValueError is returned unchanged.
        model: The model that was validated. With it, a misspelt name of a field is explained by the one that was
            probably meant.
    """
    kind, context = fault["type"], fault.get("ctx", {})
    if kind == "string_pattern_mismatch" and context["pattern"] in PATTERNS:
        return f"expected {PATTERNS[context['pattern']]}"
    if kind == "too_long" and context["field_type"] == "Dictionary":
        return f"expected an object with up to {context['max_length']} fields"
    if kind in EXPECTED:
        expected = EXPECTED[kind].format(**{name: _plain(value) for name, value in context.items()})
        hint = did_you_mean(str(fault["loc"][-1]), _fields_at(model, fault["loc"])) if kind == "extra_forbidden" else ""
        return f"expected {expected}{hint}"
    return str(fault["msg"]).removeprefix("Value error, ")


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a question that follows on an unknown name, with the known name that it resembles; "" if none does."""
    by_form = {_plain_form(each): each for each in known}
    similar = get_close_matches(_plain_form(name), by_form, 1, SIMILARITY)
    return f"; did you mean `{by_form[similar[0]]}`?" if similar else ""


def _plain_form(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")


@cache
def _schema(model: type[BaseModel]) -> dict[str, Any]:
    return model.model_json_schema()


def _fields_at(model: type[BaseModel] | None, path: Sequence[str | int]) -> Iterable[str]:
    """Return the names of the fields of the object that contains the field at a path; none if it is not known."""
    if model is None:
        return ()
    document = _schema(model)
    schema: dict[str, Any] = document
    # FastAPI puts the origin of the value before the path.
    for step in path[path[:1] == ("body",) : -1]:
        variants = schema.get("discriminator", {}).get("mapping", {})
        schema = schema.get("properties", {}).get(step) or {"$ref": variants.get(step, "#/$defs/")}
        if "$ref" in schema:
            schema = document.get("$defs", {}).get(schema["$ref"].rsplit("/", 1)[1], {})
    return list(schema.get("properties", {}))


def _plain(value: object) -> object:
    """Return whole floats as integers: 0 instead of 0.0."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
