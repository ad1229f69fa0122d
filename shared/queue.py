"""The queue as both sides see it: one Celery app, one task, and messages that are hints.

A message says "this sweep may have queued runs". Whether it has, the record in Redis knows; so a message lost,
doubled or late changes no result.
"""

from celery import Celery

from shared.settings import Settings

TRAIN_TASK = "noisesweep.train"
QUEUE = "noisesweep"

# Longer than the longest run, or a message would come back while its run still trains. That would be harmless (the
# claim finds nothing), only useless.
VISIBILITY_TIMEOUT_SECONDS = 7 * 24 * 3600


def celery_app(settings: Settings) -> Celery:
    """The Celery app, configured alike for who publishes and who consumes."""
    app = Celery("noisesweep", broker=settings.redis_url.get_secret_value(), set_as_current=False)
    app.conf.update(
        task_default_queue=QUEUE,
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
        broker_connection_max_retries=None,
        broker_connection_timeout=2,
        broker_transport_options={
            "visibility_timeout": VISIBILITY_TIMEOUT_SECONDS,
            "socket_connect_timeout": 2,
            "socket_keepalive": True,
        },
        worker_send_task_events=False,
        # A child is up when it has imported TensorFlow, which takes seconds.
        worker_proc_alive_timeout=120,
    )
    return app


def publish(app: Celery, sweep_id: str, messages: int) -> None:
    """Send `messages` hints that the sweep has queued runs.

    Raises:
        kombu.exceptions.OperationalError: The broker cannot be reached.
    """
    with app.producer_or_acquire() as producer:
        for _ in range(messages):
            app.send_task(TRAIN_TASK, args=[sweep_id], producer=producer, retry=False)
