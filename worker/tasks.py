"""The one Celery task: claim what the message hints at, train it, keep what comes of it."""

from functools import cache

from celery import shared_task
from celery.signals import worker_process_init
from celery.utils.log import get_task_logger
from redis.exceptions import ConnectionError, RedisError, TimeoutError  # noqa: A004 - Redis's, which are not Python's

from shared import datasets
from shared.errors import LeaseLostError, NoiseSweepError
from shared.keys import run_id
from shared.models import DatasetName, RunError
from shared.queue import TRAIN_TASK
from shared.settings import Settings
from worker import devices
from worker.leases import Claim, ClaimedRun, Leases

logger = get_task_logger(__name__)


@worker_process_init.connect
def prepare_process(**_: object) -> None:
    """Import TensorFlow here, in the child, where it stays warm from run to run."""
    devices.prepare(devices.find())


@cache
def leases() -> Leases:
    """This process's connection to the store, made when it is first needed: never before the fork."""
    return Leases(Settings())


@cache
def dataset(name: DatasetName) -> datasets.Dataset:
    """The data set's arrays, kept for the next run of this process."""
    return datasets.load(name, Settings().data_dir)


@shared_task(name=TRAIN_TASK)
def train(sweep_id: str) -> None:
    """Train one queued run of the sweep, if there is one."""
    claim = leases().claim(sweep_id, limit=1)
    if claim is None:
        logger.info("Sweep %s has no queued run", sweep_id)
        return
    for run in claim.runs:
        train_run(claim, run)


def train_run(claim: Claim, run: ClaimedRun) -> None:
    """Train a claimed run to its end; whatever goes wrong ends this run alone."""
    name = run_id(claim.sweep_id, run.index)
    logger.info("Run %s: scale %g, seed %d, on %s", name, run.scale, run.seed, claim.config.dataset)
    try:
        error = _train(claim, run)
        if error:
            leases().fail(claim, run, error)
        else:
            leases().succeed(claim, run)
    except LeaseLostError as lost:
        logger.warning("Run %s was given to another worker: %s", name, lost)
    except RedisError:
        logger.exception("Run %s lost its store; its lease decides what becomes of it", name)
    else:
        logger.info("Run %s ended: %s", name, error.message if error else "succeeded")


def _train(claim: Claim, run: ClaimedRun) -> RunError | None:
    """Train and commit every epoch; return what went wrong with the run, if anything did."""
    try:
        from worker import training  # noqa: PLC0415 - it brings TensorFlow, which only children may import

        training.train(
            claim.config,
            run.scale,
            run.seed,
            dataset(claim.config.dataset),
            on_epoch=lambda metrics: leases().commit(claim, run, metrics),
        )
    except (LeaseLostError, ConnectionError, TimeoutError):
        raise  # the run is as it was; it is the writing that failed
    except NoiseSweepError as error:
        return RunError(code=error.code, message=str(error))
    except Exception as error:  # the boundary: a sweep must not wait for a run that broke
        logger.exception("Run %s broke", run_id(claim.sweep_id, run.index))
        message = f"The trainer broke with {type(error).__name__}; the worker's log says where."
        return RunError(code=NoiseSweepError.code, message=message)
    return None
