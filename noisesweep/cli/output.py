"""The only module of the command line that writes to standard output and standard error.

All text may come from other people: names, error messages of workers, answers of an unknown service.
"""

import json
import re
import sys
from contextlib import suppress
from datetime import UTC, datetime

from pydantic import BaseModel
from rich.console import Console
from rich.text import Text

from noisesweep.models.text import printable

_COMMAND = re.compile("`[^`]{1,60}`")
_JOINER = "\ue000"  # in place of a space at which no line may end
_NOT_ASCII = re.compile("[^ -~]")


def replace_unencodable() -> None:
    """Print "?" for each character that the encoding of the output lacks, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a test may replace the streams
            stream.reconfigure(errors="replace")


def console_for(*, as_json: bool) -> Console:
    """Return a console for text output: standard output, or standard error if standard output is JSON."""
    return Console(stderr=as_json, markup=False, emoji=False, highlight=False)


def print_line(console: Console, line: str = "", style: str | None = None, *, wrap: bool = True) -> None:
    """Print plain text: wrapped at words on a terminal, as a single line otherwise or without `wrap`."""
    text = printable(line)
    if not (wrap and console.is_terminal):
        console.print(Text(text, style or ""), soft_wrap=True)
        return
    # A command in backticks stays on one line, so that it can be copied.
    joined = _COMMAND.sub(lambda command: command[0].replace(" ", _JOINER), text)
    for wrapped in Text(joined).wrap(console, console.width):
        console.print(Text(wrapped.plain.rstrip().replace(_JOINER, " "), style or ""), soft_wrap=True)
    if not text:
        console.print()


def print_json(document: object) -> None:
    """Print a model or a document as one line of JSON in ASCII, which every encoding contains."""
    text = document.model_dump_json() if isinstance(document, BaseModel) else json.dumps(document)
    print(_NOT_ASCII.sub(lambda match: json.dumps(match[0])[1:-1], text), flush=True)


def print_message(message: str) -> None:
    """Print a message of the program on standard error, if anything reads it."""
    with suppress(OSError):
        print(f"noisesweep: {printable(message)}", file=sys.stderr, flush=True)


def print_message_as_json(message: str) -> None:
    """Print a message of the program on standard error, in the format of the JSON log."""
    record = {"level": "WARNING", "logger": "noisesweep.local", "message": message, "at": datetime.now(UTC).isoformat()}
    with suppress(OSError):
        print(json.dumps(record), file=sys.stderr, flush=True)
