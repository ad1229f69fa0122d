"""Messages that come twice, never, late, or that nobody can read."""

import base64
import json
import uuid
from collections.abc import Iterator, Mapping

import pytest
from celery import Celery

from noisesweep.models import Sweep
from shared.settings import Settings
from shared.store.keys import QUEUE
from shared.store.queue import TRAIN_TASK, celery_app, publish
from tests.support.fleet import Fleet


@pytest.fixture
def app(fleet: Fleet) -> Iterator[Celery]:
    app = celery_app(Settings(redis_url=fleet.store.url))
    yield app
    app.close()


def test_the_same_message_ten_times_at_once_and_again_after_success_trains_nothing_twice(
    fleet: Fleet, undisturbed: Sweep, app: Celery
) -> None:
    fleet.close_workers()
    sweep_id = fleet.submit()
    message = fleet.redis.lindex(QUEUE, 0)
    assert message
    fleet.redis.lpush(QUEUE, *[message] * 10)  # the very same, down to its delivery tag
    publish(app, {sweep_id: 10})
    fleet.ensure_worker()
    fleet.assert_whole(sweep_id, undisturbed)
    assert [run.attempts for run in fleet.sweep(sweep_id).runs] == [1, 1, 1, 1]
    fleet.assert_drained()
    before = fleet.everything_of(sweep_id)
    fleet.redis.lpush(QUEUE, *[message] * 3)
    fleet.assert_drained()
    assert fleet.everything_of(sweep_id) == before


def test_runs_whose_messages_were_deleted_are_trained(fleet: Fleet, undisturbed: Sweep) -> None:
    fleet.close_workers()
    sweep_id = fleet.submit()
    assert fleet.redis.delete(QUEUE) == 1
    fleet.ensure_worker()
    fleet.assert_whole(sweep_id, undisturbed)
    fleet.assert_drained()


def enveloped(body: bytes, headers: Mapping[str, object], content_type: str = "application/json") -> str:
    """A message as kombu writes it to Redis."""
    tag = str(uuid.uuid4())
    return json.dumps(
        {
            "body": base64.b64encode(body).decode(),
            "content-encoding": "utf-8",
            "content-type": content_type,
            "headers": headers,
            "properties": {
                "correlation_id": tag,
                "delivery_mode": 2,
                "delivery_tag": tag,
                "delivery_info": {"exchange": "", "routing_key": QUEUE},
                "body_encoding": "base64",
                "priority": 0,
            },
        }
    )


def for_task(task: object, arguments: object, **headers: object) -> str:
    """A message for a task, with what stands where its arguments should, and headers that it should not have."""
    usual = {"lang": "py", "task": task, "id": str(uuid.uuid4()), "root_id": None, "parent_id": None, "group": None}
    return enveloped(json.dumps(arguments).encode(), usual | headers)


NO_OPTIONS = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}
GOOD = [["0123456789abcdef"], {}, NO_OPTIONS]
POISON: dict[str, str | bytes] = {
    "no envelope": "this is not JSON",
    "no text": b"\xff\xfe",
    "an envelope without end": "[" * 100_000,
    "an envelope with a number that is none": json.dumps({"__type__": "decimal", "__value__": "x"}),
    "an envelope of another shape": json.dumps([1, 2, 3]),
    "an envelope with nothing in it": "{}",
    "a body that is not JSON": enveloped(b"\xff{", {"task": TRAIN_TASK, "id": "1"}),
    "a pickle": enveloped(b"\x80\x04N.", {"task": TRAIN_TASK, "id": "2"}, "application/x-python-serialize"),
    "an unknown task": for_task("noisesweep.mine_coins", [["0123456789abcdef"], {}, NO_OPTIONS]),
    "no arguments": for_task(TRAIN_TASK, [[], {}, NO_OPTIONS]),
    "a number for an id": for_task(TRAIN_TASK, [[7], {}, NO_OPTIONS]),
    "an id that is a pattern": for_task(TRAIN_TASK, [["*}:queued"], {}, NO_OPTIONS]),
    "arguments that are no list": for_task(TRAIN_TASK, "0123456789abcdef"),
    "a number for arguments": for_task(TRAIN_TASK, 7),
    "a list for a task": for_task([TRAIN_TASK], GOOD),
    "a list for the message's id": for_task(TRAIN_TASK, GOOD, id=["1"]),
    "no id": enveloped(json.dumps(GOOD).encode(), {"task": TRAIN_TASK}),
    "an unknown task that has no id and is a pickle": enveloped(
        b"\x80\x04N.", {"task": "noisesweep.mine_coins"}, "application/x-python-serialize"
    ),
    "limits of time that are words": for_task(TRAIN_TASK, GOOD, timelimit=["soon", "later"]),
    "50 MB": for_task(TRAIN_TASK, [["0" * 50_000_000], {}, NO_OPTIONS]),
}


@pytest.mark.parametrize("kind", POISON)
def test_a_message_that_makes_no_sense_does_not_keep_the_worker_from_the_next(
    fleet: Fleet, undisturbed: Sweep, kind: str
) -> None:
    worker = fleet.ensure_worker()
    fleet.redis.lpush(QUEUE, *[POISON[kind]] * worker.processes)  # as many as could each keep a process from its work
    fleet.assert_whole(fleet.submit(), undisturbed)
    assert worker.main.poll() is None
    assert worker in fleet.workers
    fleet.assert_drained()
