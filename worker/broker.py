"""Celery's way to the queue, with two gaps closed through which one unreadable message would end the worker.

Celery acknowledges and logs most messages that make no sense. But kombu lets out what an envelope raises that is no
JSON or lacks a part, and Celery what a task's message raises that has other parts than it should.
"""

from typing import Any

from celery.exceptions import InvalidTaskError
from celery.utils.log import get_logger
from celery.worker.request import Request
from kombu.transport import TRANSPORT_ALIASES, redis

logger = get_logger(__name__)

# What the parts of a message raise when they are not there or not what they should be.
MALFORMED = (AttributeError, KeyError, TypeError, ValueError)


class TolerantChannel(redis.Channel):
    """Drops a message whose envelope cannot be read; it has left the queue already when that turns out."""

    def _brpop_read(self, **options: Any) -> Any:  # noqa: ANN401 - as above
        try:
            return super()._brpop_read(**options)  # type: ignore[no-untyped-call] # kombu ships few types
        except MALFORMED:
            logger.exception("A message was dropped that cannot be read")
            return None


class TolerantTransport(redis.Transport):
    """The Redis transport with that channel."""

    Channel = TolerantChannel


class StrictRequest(Request):  # type: ignore[misc] # as above
    """A task's message taken apart; one that does not come apart is refused in the way that Celery handles."""

    def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - Celery's own
        try:
            super().__init__(*arguments, **options)
        except MALFORMED as error:
            raise InvalidTaskError(f"The message is not what a task's should be: {error!r}") from error


def install() -> None:
    """Let redis:// and rediss:// mean the tolerant transport in this process."""
    TRANSPORT_ALIASES["redis"] = TRANSPORT_ALIASES["rediss"] = f"{__name__}:{TolerantTransport.__name__}"
