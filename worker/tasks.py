"""Celery task that claims queued runs and trains them."""

import os
from functools import cache
from multiprocessing import RawValue
from typing import TYPE_CHECKING

from celery import Task, current_app, shared_task
from celery.signals import setup_logging, worker_process_init, worker_shutting_down
from celery.utils.log import get_task_logger
from redis.exceptions import RedisError

from noisesweep.models.float32 import format_number
from shared import logs
from shared.settings import Settings
from shared.store.queue import TRAIN_TASK, publish
from worker import devices
from worker.broker import NoTimeLimitRequest
from worker.fail_points import fail_point
from worker.leases import Leases
from worker.own_data import OwnData

if TYPE_CHECKING:
    from worker.trainer.stack_cache import StackCache

logger = get_task_logger(__name__)

# Training has a lower priority than an API or a store on this host: they need little CPU time and users wait for them.
NICENESS = 5

# The main process sets it, and the training processes share it after the fork. It has no lock, because a killed process
# could leave a lock locked.
_shutting_down = RawValue("b", 0)


@setup_logging.connect
def configure_logging(**_: object) -> None:
    """Use the project's log format instead of Celery's."""
    logs.configure(settings())


@worker_shutting_down.connect
def stop_training(**_: object) -> None:
    """Tell the training processes to release their runs."""
    _shutting_down.value = 1


@worker_process_init.connect
def prepare_process(**_: object) -> None:
    """Import TensorFlow in the training process, so that all its runs share the import."""
    os.nice(NICENESS)
    devices.prepare(device())


@cache
def settings() -> Settings:
    """Return this process's settings."""
    return Settings()


@cache
def device() -> devices.Device:
    """Return this host's device."""
    return devices.find(settings())


@cache
def leases() -> Leases:
    """Return this process's connection to the store. It must not be opened before the fork."""
    return Leases(settings())


@cache
def stack_cache() -> "StackCache":
    """Return this process's cache of data set and stack."""
    from worker.trainer.stack_cache import StackCache  # noqa: PLC0415 - imports TensorFlow

    return StackCache(settings(), OwnData(leases()).load, xla=device().xla)


@shared_task(name=TRAIN_TASK, Request=NoTimeLimitRequest, bind=True)
def train(task: Task) -> None:
    """Claim up to one stack of queued runs and train them; do nothing if there are none."""
    from worker.trainer.claim import ClaimTraining  # noqa: PLC0415 - imports TensorFlow

    worker = task.request.hostname or ""
    try:
        claim = leases().claim(device().stack, worker, device().kind)
    except RedisError as error:
        logger.warning("No run could be claimed; a reaper will publish a new message: %s", error)
        return
    if claim is None:
        logger.info("No run is queued")
        return
    fail_point("after_claim", claim.runs[0].index)
    with logs.log_context(sweep_id=claim.sweep_id, request_id=claim.request_id, traceparent=claim.traceparent):
        scales = ", ".join(format_number(run.scale) for run in claim.runs)
        logger.info("Sweep %s: training scales %s", claim.sweep_id, scales)
        training = ClaimTraining(claim, leases(), settings())
        released = training.run(stack_cache(), stop=lambda: bool(_shutting_down.value))
        publish(current_app, released)
