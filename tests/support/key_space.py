"""Invariants of the whole store: they hold between any two calls of its functions."""

import json
import re
from collections import Counter, defaultdict
from typing import Any, cast

from redis import Redis

from noisesweep.models import EpochMetrics
from shared.store.keys import BYTES, LEASES, MODELS, SWEEPS, TURNS, SweepKeys, compute, queued, run_id

IDLE, WORK = "ns:2:idle", "ns:2:work"
OTHER_KEYS = re.compile(
    r"ns:(schema|sweeps|bytes|models|ended|paces|pace:.+|counters|reaper|workers|worker:.+|probe|trained:\w+|api_keys|api_key_uses|quotas"
    r"|compute:.+)"
    r"|ns:2:(queued:.+|turns|idle|turn|work|leases|claim:.+)|ns:queue:\d+|ns:unacked(_index)?|_kombu\..+"
)


def assert_consistent(redis: Redis) -> None:
    """Assert the invariants for every sweep, run and key of the store. Nothing may write to it meanwhile."""
    sweeps = cast("list[str]", redis.zrange(SWEEPS, 0, -1))
    work: Counter[str] = Counter()
    counted_bytes: Counter[str] = Counter()
    lines: defaultdict[str, set[str]] = defaultdict(set)
    open_runs, known_keys, models = set(), set(), set()
    for sweep_id in sweeps:
        keys = SweepKeys(sweep_id)
        record = cast("dict[str, str]", redis.hgetall(keys.record))
        assert record, f"{sweep_id} is listed and has no record"
        known_keys |= {keys.record, keys.events, keys.shares}
        counted = {name[6:]: int(size) for name, size in record.items() if name.startswith("bytes:")}
        assert sum(counted.values()) >= int(record["run_count"]) * int(record["reused_run_bytes"])
        counted_bytes.update(counted)
        still_open = 0
        for index in range(int(record["run_count"])):
            run, name = cast("dict[str, str]", redis.hgetall(keys.run(index))), run_id(sweep_id, index)
            known_keys |= {keys.run(index), keys.epochs(index), keys.evaluation(index)}
            is_queued = redis.zscore(queued(run["line"]), name) is not None
            is_leased = redis.zscore(LEASES, name) is not None
            assert is_queued + is_leased + ("outcome" in run) == 1, f"{name} is in {is_queued=} {is_leased=} {run}"
            if is_queued:
                lines[run["line"]].add(name)
                work[run["line"]] += int(run["work"])
            if "outcome" in run:
                assert not redis.exists(keys.checkpoint(index)), f"{name} has ended and has a checkpoint"
            else:
                still_open += 1
                open_runs.add(name)
                known_keys.add(keys.checkpoint(index))
            if redis.exists(keys.model(index)):
                models.add(name)
                known_keys.add(keys.model(index))
        assert still_open == int(record["open_runs"]), f"{sweep_id} counts {record['open_runs']} of {still_open} runs"
        _assert_history(redis, sweep_id, int(record["run_count"]), still_open)
    leased = set(cast("list[str]", redis.zrange(LEASES, 0, -1)))
    assert leased | set().union(*lines.values()) == open_runs
    assert {str(line) for line in redis.zrange(TURNS, 0, -1)} == set(lines)
    for line, names in lines.items():
        assert set(cast("list[str]", redis.zrange(queued(line), 0, -1))) == names
    assert not set(lines) & {str(line) for line in redis.zrange(IDLE, 0, -1)}
    assert {line: int(value) for line, value in cast("dict[str, str]", redis.hgetall(WORK)).items()} == dict(work)
    stored_bytes = {key: int(value) for key, value in cast("dict[str, str]", redis.hgetall(BYTES)).items()}
    assert stored_bytes == {submitter: size for submitter, size in counted_bytes.items() if size}
    _assert_compute(redis, sweeps)
    assert set(cast("list[str]", redis.zrange(MODELS, 0, -1))) == models
    for key in cast("list[str]", redis.keys("*")):
        assert key in known_keys or OTHER_KEYS.fullmatch(key), f"{key} belongs to nothing"


def _assert_compute(redis: Redis, sweeps: list[str]) -> None:
    """Assert that the accounts of compute contain at least what their open runs count, and nothing negative."""
    open_compute: Counter[tuple[str, str]] = Counter()
    for sweep_id in sweeps:
        keys = SweepKeys(sweep_id)
        for index in range(int(str(redis.hget(keys.record, "run_count")))):
            line, counted, outcome = cast("list[Any]", redis.hmget(keys.run(index), "line", "compute", "outcome"))
            if counted:
                assert outcome is None, f"run {index} of {sweep_id} has ended and counts compute"
                hour, core_ms = counted.split(":")
                open_compute[compute(line.partition(":")[2]), hour] += int(core_ms)
    for key in cast("list[str]", redis.keys(compute("*"))):
        assert key != compute("")
        assert all(int(core_ms) > 0 for core_ms in cast("dict[str, str]", redis.hgetall(key)).values())
    for (key, hour), core_ms in open_compute.items():
        assert int(str(redis.hget(key, hour) or 0)) >= core_ms


def _assert_history(redis: Redis, sweep_id: str, run_count: int, still_open: int) -> None:
    """Assert that the events tell the same as the stored epochs and outcomes."""
    keys = SweepKeys(sweep_id)
    entries = cast("list[tuple[str, dict[str, Any]]]", redis.xrange(keys.events))
    events = [fields for _, fields in entries]
    for index in range(run_count):
        own = [event for event in events if event["index"] == str(index)]
        stored = [EpochMetrics.model_validate_json(text) for text in redis.lrange(keys.epochs(index), 0, -1)]
        assert [metrics.epoch for metrics in stored] == list(range(len(stored)))
        run = cast("dict[str, str]", redis.hgetall(keys.run(index)))
        if "reused_from" not in run:
            told = [EpochMetrics.model_validate_json(event["data"]) for event in own if event["type"] == "epoch"]
            assert told == stored
        last = [event for event in own if event["type"] in ("run.queued", "run.started", "run.ended")][-1:]
        if "outcome" in run:
            assert last
            assert json.loads(last[0]["data"]) == {"status": run["outcome"]}
        elif last:
            assert last[0]["type"] == (
                "run.queued" if redis.zscore(LEASES, run_id(sweep_id, index)) is None else "run.started"
            )
    if still_open == 0:
        assert events[-1]["type"] == "sweep.ended"
