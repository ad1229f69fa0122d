"""Celery queue of the API and the workers: one app, one task, and messages that are hints.

A message says no more than that there is work. Which runs its receiver gets is decided in the store, at the claim.
Therefore, lost, duplicate or late messages change no result.
"""

import logging

from celery import Celery
from kombu.entity import Queue
from kombu.exceptions import BatchPublishError, OperationalError
from redis.exceptions import RedisError

from shared.settings import Settings
from shared.store import connections
from shared.store.keys import QUEUE, QUEUES, UNACKED

logger = logging.getLogger(__name__)

TRAIN_TASK = "noisesweep.train"
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
            # After this time (s), a message that is not acknowledged is removed: see worker/broker.py.
            "visibility_timeout": settings.lease_seconds,
            "unacked_restore_interval": settings.reap_interval_seconds,
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


def publish(app: Celery, messages: int) -> None:
    """Send this number of messages in one round trip.

    A failed attempt is repeated once, because the broker may have closed the idle connection. That can duplicate
    messages, which is harmless. If the second attempt fails, log it: a reaper will publish the messages.
    """
    for attempt in range(PUBLISH_ATTEMPTS):
        try:
            with app.producer_or_acquire() as producer, producer.batch(BATCH_SIZE):
                for _ in range(messages):
                    app.send_task(TRAIN_TASK, producer=producer, retry=False)
        except (BatchPublishError, OperationalError, RedisError) as error:
            if attempt == PUBLISH_ATTEMPTS - 1:
                logger.warning("%d messages could not be published, a reaper will retry: %s", messages, error)
        else:
            return
