"""Logging: text on a terminal, JSON otherwise, with context fields such as the request id in every record."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.json import JsonFormatter

from noisesweep.models.text import printable
from shared.settings import Settings

# These log from INFO. Other libraries log from WARNING: fontTools alone writes 110 INFO lines for one PDF.
VERBOSE_LOGGERS = ("api", "worker", "shared", "noisesweep", "uvicorn", "celery")

_context: ContextVar[dict[str, str]] = ContextVar("context", default={})  # noqa: B039 - never mutated


@contextmanager
def log_context(**fields: str) -> Iterator[None]:
    """Add the non-empty fields to every record that is logged inside the `with` block."""
    token = _context.set(_context.get() | {name: value for name, value in fields.items() if value})
    try:
        yield
    finally:
        _context.reset(token)


class TextFormatter(logging.Formatter):
    """Formatter of text. Control characters are escaped, because they could change a terminal or forge lines."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name of the base class
        """Return the line of a record, without its traceback."""
        return printable(super().formatMessage(record).rstrip("\n"))

    def formatException(self, ei: Any) -> str:  # noqa: ANN401, N802 - the signature of the base class
        """Return the lines of a traceback."""
        return "\n".join(map(printable, super().formatException(ei).split("\n")))


def configure(settings: Settings) -> None:
    """Send log records to standard error in the configured format: ours from INFO, those of libraries from WARNING."""
    as_json = not sys.stderr.isatty() if settings.log_format is None else settings.log_format == "json"
    handler = logging.StreamHandler()
    handler.addFilter(_add_context)
    handler.setFormatter(
        JsonFormatter(
            "%(levelname)s %(name)s %(message)s",
            timestamp="at",
            rename_fields={"levelname": "level", "name": "logger"},
            # uvicorn adds color_message, Celery adds data: both repeat the message.
            reserved_attrs=[*RESERVED_ATTRS, "color_message", "data"],
        )
        if as_json
        else TextFormatter("%(asctime)s %(levelname)-7s [%(request_id)s] %(message)s", defaults={"request_id": "-"})
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    for name in VERBOSE_LOGGERS:
        logging.getLogger(name).setLevel(logging.INFO)


def _add_context(record: logging.LogRecord) -> bool:
    record.__dict__.update(_context.get())
    return True
