"""The one Celery task: claim what the message hints at and train it."""

import os
from functools import cache
from multiprocessing import RawValue
from typing import TYPE_CHECKING

from celery import Task, current_app, shared_task
from celery.signals import setup_logging, worker_process_init, worker_shutting_down
from celery.utils.log import get_task_logger

from shared import logs
from shared.settings import Settings
from shared.store.keys import parse_sweep_id
from shared.store.queue import TRAIN_TASK, publish
from worker import devices
from worker.broker import TimelessRequest
from worker.fail_points import fail_point
from worker.leases import Leases

if TYPE_CHECKING:
    from worker.trainer.warm_stack import WarmStack

logger = get_task_logger(__name__)

# The API and the store, where they are on this host, go first: they need little, and somebody waits for them.
NICENESS = 5

# Set in the main process, read in the training processes, which share it by the fork. A bare value, because a lock
# could be left locked by a process that is killed.
_shutting_down = RawValue("b", 0)


@setup_logging.connect
def configure_logging(**_: object) -> None:
    """Write log lines as the API does, instead of as Celery would."""
    logs.configure(settings())


@worker_shutting_down.connect
def stop_training(**_: object) -> None:
    """Let the training processes hand back what they train."""
    _shutting_down.value = 1


@worker_process_init.connect
def prepare_process(**_: object) -> None:
    """Import TensorFlow here, in the child, where it stays warm from run to run."""
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
    """Return this process's connection to the store. It is opened at first use, never before the fork."""
    return Leases(settings())


@cache
def warm_stack() -> "WarmStack":
    """Return the warm stack of this process."""
    from worker.trainer.warm_stack import WarmStack  # noqa: PLC0415 - it brings TensorFlow, which only children may import

    return WarmStack(settings(), xla=device().xla)


@shared_task(name=TRAIN_TASK, Request=TimelessRequest, bind=True)
def train(task: Task, sweep_id: str) -> None:
    """Train queued runs of the sweep, as many side by side as suits the device, if there are any."""
    from worker.trainer.claim import ClaimTraining  # noqa: PLC0415 - as above

    worker = task.request.hostname or ""
    claim = leases().claim(parse_sweep_id(sweep_id), device().stack, worker, device().kind)
    if claim is None:
        logger.info("Sweep %s has no queued run", sweep_id)
        return
    fail_point("after_claim", claim.runs[0].index)
    with logs.belonging_to(sweep_id=sweep_id, request_id=claim.request_id, traceparent=claim.traceparent):
        logger.info("Sweep %s: training scales %s", sweep_id, ", ".join(f"{run.scale:g}" for run in claim.runs))
        training = ClaimTraining(claim, leases(), settings())
        handed_back = training.run(warm_stack(), stop=lambda: bool(_shutting_down.value))
        publish(current_app, {sweep_id: handed_back})
