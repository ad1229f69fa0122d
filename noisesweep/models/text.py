"""Text from other people: requests must not contain control characters, and answers and output show them escaped.

A terminal executes control characters: an escape sequence can hide text or write to the clipboard. Line breaks and
changes of the text direction can forge lines.
"""

import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

# C0 and C1 controls, line and paragraph separators, changes of the text direction, surrogates, and noncharacters, which
# XML forbids. The escapes are valid in Python and in the patterns of JSON schemas.
CONTROL = r"\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069\ufffe\uffff"
_CONTROL = re.compile(rf"[{CONTROL}\ud800-\udfff]")


def printable(text: str) -> str:
    r"""Return the text with each control character as an escape sequence of Python, for example \x1b or \n."""
    # isprintable() is fast, and also False for harmless characters.
    return text if text.isprintable() else _CONTROL.sub(lambda match: _escape(match[0]), text)


def _escape(character: str) -> str:
    return ascii(character)[1:-1]


def _reject_control(value: object) -> object:
    """Return the value unchanged, or raise ValueError for text with a control character."""
    if isinstance(value, str) and (found := _CONTROL.search(value)):
        raise ValueError(
            f"expected text without control characters, received {_escape(found[0])} at character {found.start() + 1}"
        )
    return value


# Names that are part of filters and paths.
TAG_KEY = r"^[a-z0-9_.-]{1,32}$"
DATASET_SLUG = r"^[a-z0-9][a-z0-9_-]{0,63}$"
# The validator precedes the constraints, because these strip some control characters.
TagValue = Annotated[
    str,
    StringConstraints(min_length=1, max_length=64),
    BeforeValidator(_reject_control),
    Field(json_schema_extra={"pattern": f"^[^{CONTROL}]*$"}),
]
# The pattern also makes the JSON schema reject names of whitespace only.
Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=100),
    BeforeValidator(_reject_control),
    Field(json_schema_extra={"pattern": rf"^[^{CONTROL}]*[^\s{CONTROL}][^{CONTROL}]*$"}),
]
Description = Annotated[
    str,
    StringConstraints(max_length=1000),
    BeforeValidator(_reject_control),
    Field(json_schema_extra={"pattern": f"^[^{CONTROL}]*$"}),
]
# Text of an answer.
Shown = Annotated[str, AfterValidator(printable)]
