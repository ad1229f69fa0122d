"""Messages that are duplicated, lost, late or malformed."""

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


def test_duplicated_messages_train_nothing_twice(fleet: Fleet, undisturbed: Sweep, app: Celery) -> None:
    fleet.close_workers()
    sweep_id = fleet.submit()
    message = fleet.redis.lindex(QUEUE, 0)
    assert message
    fleet.redis.lpush(QUEUE, *[message] * 10)  # identical copies, including the delivery tag
    publish(app, 10)
    fleet.ensure_worker()
    fleet.assert_complete(sweep_id, undisturbed)
    assert [run.attempts for run in fleet.sweep(sweep_id).runs] == [1, 1, 1, 1]
    fleet.assert_no_messages()
    before = fleet.dump_sweep(sweep_id)
    fleet.redis.lpush(QUEUE, *[message] * 3)
    fleet.assert_no_messages()
    assert fleet.dump_sweep(sweep_id) == before


def test_runs_without_messages_are_trained(fleet: Fleet, undisturbed: Sweep) -> None:
    fleet.close_workers()
    sweep_id = fleet.submit()
    assert fleet.redis.delete(QUEUE) == 1
    fleet.ensure_worker()
    fleet.assert_complete(sweep_id, undisturbed)
    fleet.assert_no_messages()


def envelope(body: bytes, headers: Mapping[str, object], content_type: str = "application/json") -> str:
    """Return a message in the format in which kombu stores it in Redis."""
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


def task_message(task: object, arguments: object, **headers: object) -> str:
    """Return a task message with any value as arguments and with extra headers."""
    defaults = {"lang": "py", "task": task, "id": str(uuid.uuid4()), "root_id": None, "parent_id": None, "group": None}
    return envelope(json.dumps(arguments).encode(), defaults | headers)


NO_OPTIONS = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}
VALID_ARGUMENTS = [[], {}, NO_OPTIONS]
MALFORMED: dict[str, str | bytes] = {
    "not JSON": "this is not JSON",
    "not text": b"\xff\xfe",
    "deeply nested JSON": "[" * 100_000,
    "an invalid decimal in the envelope": json.dumps({"__type__": "decimal", "__value__": "x"}),
    "a list as the envelope": json.dumps([1, 2, 3]),
    "an empty envelope": "{}",
    "a body that is not JSON": envelope(b"\xff{", {"task": TRAIN_TASK, "id": "1"}),
    "a pickle": envelope(b"\x80\x04N.", {"task": TRAIN_TASK, "id": "2"}, "application/x-python-serialize"),
    "an unknown task": task_message("noisesweep.mine_coins", [["0123456789abcdef"], {}, NO_OPTIONS]),
    "a surplus argument": task_message(TRAIN_TASK, [["0123456789abcdef"], {}, NO_OPTIONS]),
    "a surplus named argument": task_message(TRAIN_TASK, [[], {"sweep_id": 7}, NO_OPTIONS]),
    "text as arguments": task_message(TRAIN_TASK, "0123456789abcdef"),
    "a number as arguments": task_message(TRAIN_TASK, 7),
    "a list as the task": task_message([TRAIN_TASK], VALID_ARGUMENTS),
    "a list as the task id": task_message(TRAIN_TASK, VALID_ARGUMENTS, id=["1"]),
    "a missing task id": envelope(json.dumps(VALID_ARGUMENTS).encode(), {"task": TRAIN_TASK}),
    "an unknown task, pickled, without a task id": envelope(
        b"\x80\x04N.", {"task": "noisesweep.mine_coins"}, "application/x-python-serialize"
    ),
    "text as time limits": task_message(TRAIN_TASK, VALID_ARGUMENTS, timelimit=["soon", "later"]),
    "50 MB": task_message(TRAIN_TASK, [["0" * 50_000_000], {}, NO_OPTIONS]),
}


@pytest.mark.parametrize("kind", MALFORMED)
def test_malformed_message_does_not_block_the_worker(fleet: Fleet, undisturbed: Sweep, kind: str) -> None:
    worker = fleet.ensure_worker()
    fleet.redis.lpush(QUEUE, *[MALFORMED[kind]] * worker.processes)  # one message per process
    fleet.assert_complete(fleet.submit(), undisturbed)
    assert worker.main.poll() is None
    assert worker in fleet.workers
    fleet.assert_no_messages()
