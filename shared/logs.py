"""Log lines that say what they belong to: text on a terminal, JSON elsewhere."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.json import JsonFormatter

from shared.settings import Settings

_belonging: ContextVar[dict[str, str]] = ContextVar("belonging", default={})  # noqa: B039 - it is never changed


@contextmanager
def belonging_to(**fields: str) -> Iterator[None]:
    """Add the non-empty fields to every line that is logged inside the context."""
    token = _belonging.set(_belonging.get() | {name: value for name, value in fields.items() if value})
    try:
        yield
    finally:
        _belonging.reset(token)


def configure(settings: Settings) -> None:
    """Send what this process logs to standard error, as the settings have it."""
    as_json = not sys.stderr.isatty() if settings.log_format is None else settings.log_format == "json"
    handler = logging.StreamHandler()
    handler.addFilter(_add_belonging)
    handler.setFormatter(
        JsonFormatter(
            "%(levelname)s %(name)s %(message)s",
            timestamp="at",
            rename_fields={"levelname": "level", "name": "logger"},
            reserved_attrs=[*RESERVED_ATTRS, "color_message", "data"],  # uvicorn's and Celery's, which repeat the rest
        )
        if as_json
        else logging.Formatter("%(asctime)s %(levelname)-7s [%(request_id)s] %(message)s", defaults={"request_id": "-"})
    )
    logging.basicConfig(handlers=[handler], level=logging.INFO, force=True)


def _add_belonging(record: logging.LogRecord) -> bool:
    record.__dict__.update(_belonging.get())
    return True
