"""The queue as both sides see it: one Celery app, one task, and messages that are hints.

A message says "this sweep may have queued runs". Whether it has, the record in Redis knows; so a message lost,
doubled or late changes no result.
"""

import logging
import re
from collections import Counter
from collections.abc import Mapping

from celery import Celery
from kombu.entity import Queue
from kombu.exceptions import BatchPublishError, OperationalError
from redis import Redis
from redis.client import NEVER_DECODE
from redis.exceptions import RedisError

from shared.settings import Settings
from shared.store import connections
from shared.store.keys import QUEUE, QUEUES, UNACKED

logger = logging.getLogger(__name__)

TRAIN_TASK = "noisesweep.train"
_ARGUMENTS = re.compile(rb"\"argsrepr\": \"\['([0-9a-f]{16})'\]\"")
TRIPS = 2
MESSAGES_AT_ONCE = 1000


def celery_app(settings: Settings) -> Celery:
    """The Celery app, configured alike for who publishes and who consumes."""
    broker = connections.broker(settings, socket_connect_timeout=2, socket_timeout=5)
    app = Celery("noisesweep", broker=broker.url, set_as_current=False)
    app.conf.update(
        broker_use_ssl=broker.use_ssl,
        task_default_queue=QUEUE,
        task_queues=[Queue(queue) for queue in QUEUES],  # type: ignore[no-untyped-call]
        task_serializer="json",
        accept_content=["json"],
        task_ignore_result=True,
        # The lease decides what becomes of a run whose worker died, not the message.
        task_acks_late=True,
        task_reject_on_worker_lost=False,
        worker_prefetch_multiplier=1,
        worker_disable_prefetch=True,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        broker_connection_retry_on_startup=True,
        # A store that refuses writes, for want of replicas or of a disk, will take them again.
        broker_channel_error_retry=True,
        broker_connection_max_retries=None,
        broker_connection_timeout=2,
        broker_transport_options={
            # All keys but those of bindings begin alike, for the store's access rules.
            "unacked_key": UNACKED,
            "unacked_index_key": f"{UNACKED}_index",
            "unacked_mutex_key": f"{UNACKED}_mutex",
            # A message that comes back while its run still trains is harmless: its claim finds nothing queued.
            "visibility_timeout": settings.redelivery_seconds,
            # Messages to be brought back are looked for as often as runs are, and each time.
            "unacked_restore_interval": settings.reap_interval_seconds,
            "unacked_restore_throttle": 1,
            # A worker may die in the middle of bringing them back; nobody else can for so long (s).
            "unacked_mutex_expire": 10,
            "socket_keepalive": True,
            # A worker waits for messages on a connection that the other side may have forgotten without a word.
            "health_check_interval": 5,
            **broker.transport_options,
        },
        # Who may write to the store is not to command workers.
        worker_enable_remote_control=False,
        worker_send_task_events=False,
        # A child is up when it has imported TensorFlow, which takes seconds.
        worker_proc_alive_timeout=120,
    )
    return app


def publish(app: Celery, messages: Mapping[str, int]) -> None:
    """Send hints that sweeps have queued runs, so many for each id, in one trip; or log why not: a reaper sends them.

    A trip that fails is made once more, because the connection may be one that the broker has closed since it was last
    used. Then some hints are doubled, which is harmless.
    """
    for attempt in range(TRIPS):
        try:
            with app.producer_or_acquire() as producer, producer.batch(MESSAGES_AT_ONCE):
                for sweep_id, count in messages.items():
                    for _ in range(count):
                        app.send_task(TRAIN_TASK, args=[sweep_id], producer=producer, retry=False)
        except (BatchPublishError, OperationalError, RedisError) as error:
            if attempt == TRIPS - 1:
                logger.warning("No message could be published for %s, a reaper will: %s", ", ".join(messages), error)
        else:
            return


def waiting(redis: Redis) -> Counter[str]:
    """Return the number of waiting messages by sweep. A message carries its arguments, readable, in its header."""
    counts: Counter[str] = Counter()
    for queue in QUEUES:
        messages: list[bytes] = redis.execute_command("LRANGE", queue, 0, -1, **{NEVER_DECODE: True})  # type: ignore[no-untyped-call]
        counts.update(match[1].decode() for message in messages if (match := _ARGUMENTS.search(message)))
    return counts
