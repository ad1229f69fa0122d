"""Celery queue of the API and the workers: one app, one task, and messages that are hints.

A message says "this sweep may have queued runs"; the sweep's record in Redis decides. Therefore, lost, duplicate or
late messages change no result.
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
PUBLISH_ATTEMPTS = 2
BATCH_SIZE = 1000


def celery_app(settings: Settings) -> Celery:
    """Return the Celery app, with the same configuration for publishers and consumers."""
    broker = connections.broker(settings, socket_connect_timeout=2, socket_timeout=5)
    app = Celery("noisesweep", broker=broker.url, set_as_current=False)
    app.conf.update(
        broker_use_ssl=broker.use_ssl,
        task_default_queue=QUEUE,
        task_queues=[Queue(queue) for queue in QUEUES],  # type: ignore[no-untyped-call]
        task_serializer="json",
        accept_content=["json"],
        task_ignore_result=True,
        # If a worker dies, the lease decides what happens to its run, not the message.
        task_acks_late=True,
        task_reject_on_worker_lost=False,
        worker_prefetch_multiplier=1,
        worker_disable_prefetch=True,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        broker_connection_retry_on_startup=True,
        # A store that rejects writes, for lack of replicas or disk space, will accept them again later.
        broker_channel_error_retry=True,
        broker_connection_max_retries=None,
        broker_connection_timeout=2,
        broker_transport_options={
            # All keys except bindings start with ns:, so that the access rules of the store can match them.
            "unacked_key": UNACKED,
            "unacked_index_key": f"{UNACKED}_index",
            "unacked_mutex_key": f"{UNACKED}_mutex",
            # A message that is delivered again during training is harmless: the claim finds no queued run.
            "visibility_timeout": settings.redelivery_seconds,
            # Check for messages to redeliver as often as for runs to requeue.
            "unacked_restore_interval": settings.reap_interval_seconds,
            "unacked_restore_throttle": 1,
            # A worker may die during the check; the lock then blocks the other workers for this time (s).
            "unacked_mutex_expire": 10,
            "socket_keepalive": True,
            # The connection on which a worker waits for messages may be half-open.
            "health_check_interval": 5,
            **broker.transport_options,
        },
        # Clients that can write to the store must not control workers.
        worker_enable_remote_control=False,
        worker_send_task_events=False,
        # A child process is ready after it has imported TensorFlow, which takes seconds.
        worker_proc_alive_timeout=120,
    )
    return app


def publish(app: Celery, messages: Mapping[str, int]) -> None:
    """Send messages for sweeps with queued runs in one round trip. `messages` is their number by sweep id.

    A failed attempt is repeated once, because the broker may have closed the idle connection. That can duplicate
    messages, which is harmless. If the second attempt fails, log it: a reaper will publish the messages.
    """
    for attempt in range(PUBLISH_ATTEMPTS):
        try:
            with app.producer_or_acquire() as producer, producer.batch(BATCH_SIZE):
                for sweep_id, count in messages.items():
                    for _ in range(count):
                        app.send_task(TRAIN_TASK, args=[sweep_id], producer=producer, retry=False)
        except (BatchPublishError, OperationalError, RedisError) as error:
            if attempt == PUBLISH_ATTEMPTS - 1:
                logger.warning(
                    "Messages for %s could not be published, a reaper will retry: %s", ", ".join(messages), error
                )
        else:
            return


def count_messages(redis: Redis) -> Counter[str]:
    """Return the number of waiting messages by sweep id, which is read from the header of each message."""
    counts: Counter[str] = Counter()
    for queue in QUEUES:
        messages: list[bytes] = redis.execute_command("LRANGE", queue, 0, -1, **{NEVER_DECODE: True})  # type: ignore[no-untyped-call]
        counts.update(match[1].decode() for message in messages if (match := _ARGUMENTS.search(message)))
    return counts
