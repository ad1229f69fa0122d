"""Redis transports for Celery that survive malformed messages and lost connections, and refuse a store that is too old.

Celery rejects and logs most malformed messages. Three cases are not caught and end the worker's main process:

- kombu cannot decode a message's envelope (https://github.com/celery/kombu/issues/2421 reports it for SQS).
- Celery cannot process a decoded message. The message stays in the queue and would end the next worker as well
  (https://github.com/celery/celery/issues/4308, https://github.com/celery/celery/issues/7975).
- A task is acknowledged just after the connection was lost (https://github.com/celery/kombu/issues/582 has the same
  AttributeError).

The overrides use internals of kombu 5.7, so pyproject.toml sets an upper bound on its version.
"""

from collections.abc import Callable
from queue import Empty
from time import time
from typing import Any

from celery.exceptions import InvalidTaskError
from celery.utils.log import get_logger
from celery.worker.request import Request
from kombu.transport import TRANSPORT_ALIASES, redis
from kombu.transport.virtual import Message
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from shared.store.handshake import sync_handshake
from shared.store.version import check_version

logger = get_logger(__name__)

# Errors of the store and of the connection to it. kombu's own list includes KeyError, which a message can also raise.
STORE_ERRORS = (RedisError, OSError)


class TolerantQoS(redis.QoS):
    """QoS that stops counting a message as unacknowledged even if the store cannot be reached.

    kombu would count the message as unacknowledged forever. If all processes ended their tasks while the store was
    unavailable, the worker would never take another message.

    Messages that are never acknowledged are removed, not delivered again: if runs are queued without a message, a
    reaper publishes new ones. kombu's redelivery needs a lock with a script, which the store's roles may not run.
    """

    def restore_visible(self, start: int = 0, num: int = 10, interval: int = 10) -> None:  # noqa: ARG002 - kombu's
        """Remove messages that were not acknowledged within the visibility timeout."""
        with self.channel.conn_or_acquire() as client:
            tags = client.zrangebyscore(self.unacked_index_key, 0, time() - self.visibility_timeout, start=0, num=1000)
            if tags:
                with client.pipeline() as pipeline:
                    pipeline.hdel(self.unacked_key, *tags)
                    pipeline.zrem(self.unacked_index_key, *tags)
                    pipeline.execute()

    def ack(self, delivery_tag: str) -> None:
        """Acknowledge the message; stop counting it even if the store does not answer."""
        try:
            super().ack(delivery_tag)  # type: ignore[no-untyped-call]
        except STORE_ERRORS:
            self._quick_ack(delivery_tag)
            raise

    def reject(self, delivery_tag: str, *rest: Any, **named: Any) -> None:
        """Reject the message; stop counting it even if the store does not answer."""
        try:
            super().reject(delivery_tag, *rest, **named)  # type: ignore[no-untyped-call]
        except STORE_ERRORS:
            self._quick_ack(delivery_tag)
            raise


class TolerantChannel(redis.Channel):
    """Redis channel that logs and drops malformed messages."""

    QoS = TolerantQoS

    def _brpop_read(self, **options: Any) -> Any:
        try:
            return super()._brpop_read(**options)  # type: ignore[no-untyped-call]
        except (Empty, *STORE_ERRORS):
            raise
        except Exception:
            logger.exception("Dropped a message: its envelope cannot be decoded")  # it is no longer in the queue
            return None

    def basic_consume(
        self, queue: str, no_ack: bool, callback: Callable[[Message], Any], *rest: Any, **named: Any
    ) -> Any:
        """Consume messages as kombu does; reject a message that its callback cannot process."""

        def tolerant(message: Message) -> None:
            try:
                callback(message)
            except STORE_ERRORS:
                raise
            except Exception:
                logger.exception("Rejected a message: it is not a valid task message")
                message.reject()  # type: ignore[no-untyped-call]

        return super().basic_consume(queue, no_ack, tolerant, *rest, **named)  # type: ignore[no-untyped-call]

    def _connparams(self, *rest: Any, **named: Any) -> Any:
        """Return the connection options; raise ConnectionError if the connection is closed.

        kombu would raise an AttributeError, which ends the worker. An acknowledgement lost in this way is harmless.
        """
        if self.connection.client is None:
            raise RedisConnectionError("The connection of this channel is closed.")
        # A worker that has lost its store may find an older one: after a failover, for example.
        return super()._connparams(*rest, **named) | {"redis_connect_func": sync_handshake(check_version)}  # type: ignore[no-untyped-call]


class TolerantTransport(redis.Transport):
    """Redis transport that uses TolerantChannel."""

    Channel = TolerantChannel


class TolerantSentinelChannel(TolerantChannel, redis.SentinelChannel):
    """TolerantChannel for the primary that Redis Sentinel reports."""


class TolerantSentinelTransport(redis.SentinelTransport):
    """Redis Sentinel transport that uses TolerantSentinelChannel."""

    Channel = TolerantSentinelChannel


class NoTimeLimitRequest(Request):  # type: ignore[misc] # Celery ships no types
    """Task request that rejects time limits. The pool would crash on invalid ones."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        if any(self.time_limits):
            raise InvalidTaskError(f"Time limits are not supported, received {self.time_limits!r}")


def install() -> None:
    """Register the tolerant transports for redis://, rediss:// and sentinel:// in this process."""
    TRANSPORT_ALIASES["redis"] = TRANSPORT_ALIASES["rediss"] = f"{__name__}:{TolerantTransport.__name__}"
    TRANSPORT_ALIASES["sentinel"] = f"{__name__}:{TolerantSentinelTransport.__name__}"
