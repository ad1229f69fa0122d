"""Celery's way to the queue, closed to messages and moments that would end the worker.

Celery refuses and logs most messages that make no sense. But kombu lets out whatever an envelope raises that it cannot
read, and Celery whatever a message raises whose parts are not what they should be; either ends the worker's main
process, and the second leaves the message to end the next one. So does the acknowledgement of a task that ended just
when the connection was lost.
"""

from collections.abc import Callable
from queue import Empty
from typing import Any

from celery.exceptions import InvalidTaskError
from celery.utils.log import get_logger
from celery.worker.request import Request
from kombu.transport import TRANSPORT_ALIASES, redis
from kombu.transport.virtual import Message
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

logger = get_logger(__name__)

# What the store or the way to it raises. kombu's own list has KeyError in it, which a message can raise as well.
STORE_ERRORS = (RedisError, OSError)


class ForgetfulQoS(redis.QoS):
    """Lets go of a message whose task has ended although the store could not be told so.

    kombu would count it as being worked on for ever, which Celery only logs: a worker whose processes all ended their
    tasks while the store was away would live on and never take a message again. The message itself comes back when its
    time has come, and finds nothing to do.
    """

    def ack(self, delivery_tag: str) -> None:
        """Acknowledge as kombu does, and count the message no more whether the store answers or not."""
        try:
            super().ack(delivery_tag)  # type: ignore[no-untyped-call]
        except STORE_ERRORS:
            self._quick_ack(delivery_tag)
            raise

    def reject(self, delivery_tag: str, *rest: Any, **named: Any) -> None:
        """Reject as kombu does, likewise."""
        try:
            super().reject(delivery_tag, *rest, **named)  # type: ignore[no-untyped-call]
        except STORE_ERRORS:
            self._quick_ack(delivery_tag)
            raise


class TolerantChannel(redis.Channel):
    """Drops, with a line in the log, what cannot be read, and is quiet when it has been closed."""

    QoS = ForgetfulQoS

    def _brpop_read(self, **options: Any) -> Any:
        try:
            return super()._brpop_read(**options)  # type: ignore[no-untyped-call]
        except (Empty, *STORE_ERRORS):
            raise
        except Exception:
            logger.exception("A message was dropped: its envelope cannot be read")  # it has left the queue already
            return None

    def basic_consume(
        self, queue: str, no_ack: bool, callback: Callable[[Message], Any], *rest: Any, **named: Any
    ) -> Any:
        """Consume as kombu does, and refuse a message that its callback cannot take."""

        def tolerant(message: Message) -> None:
            try:
                callback(message)
            except STORE_ERRORS:
                raise
            except Exception:
                logger.exception("A message was refused: it is not what a task's should be")
                message.reject()  # type: ignore[no-untyped-call]

        return super().basic_consume(queue, no_ack, tolerant, *rest, **named)  # type: ignore[no-untyped-call]

    def _connparams(self, *rest: Any, **named: Any) -> Any:
        """Return the connection options. A channel whose connection has been closed has lost them.

        kombu would raise an AttributeError, which ends the worker; what has been said of a closed channel since then
        (that a task is done) is said in vain, and harmlessly: its message comes back and finds nothing to do.
        """
        if self.connection.client is None:
            raise RedisConnectionError("This channel's connection has been closed.")
        return super()._connparams(*rest, **named)  # type: ignore[no-untyped-call]


class TolerantTransport(redis.Transport):
    """The Redis transport with that channel."""

    Channel = TolerantChannel


class TolerantSentinelChannel(TolerantChannel, redis.SentinelChannel):
    """The same to the primary that Sentinels name."""


class TolerantSentinelTransport(redis.SentinelTransport):
    """The Sentinel transport with that channel."""

    Channel = TolerantSentinelChannel


class TimelessRequest(Request):  # type: ignore[misc] # Celery ships no types
    """A task's message without limits of time, which only the pool would find to be nonsense, and die of."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        if any(self.time_limits):
            raise InvalidTaskError(f"A run takes the time it takes; the message sets limits: {self.time_limits!r}")


def install() -> None:
    """Let redis://, rediss:// and sentinel:// mean the tolerant transports in this process."""
    TRANSPORT_ALIASES["redis"] = TRANSPORT_ALIASES["rediss"] = f"{__name__}:{TolerantTransport.__name__}"
    TRANSPORT_ALIASES["sentinel"] = f"{__name__}:{TolerantSentinelTransport.__name__}"
