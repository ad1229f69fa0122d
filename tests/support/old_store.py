"""Store with a sweep of noisesweep 0.2.0, which had schema 1."""

import json
from typing import Any

from redis import Redis

SWEEP_ID = "0123456789abcdef"


def write_schema_1(redis: Redis) -> None:
    """Write a sweep with one queued run, with the keys of version 0.2.0."""
    request = json.dumps({"scales": [0.5], "seeds": [0], "dataset": "digits", "epochs": 1})
    record: dict[Any, Any] = {"schema": 1, "request": request, "created_at": 1773133200000000, "version": 1}
    record |= {"run_count": 1, "key": "", "request_id": "", "traceparent": ""}
    redis.hset(f"ns:{{{SWEEP_ID}}}", mapping=record)
    redis.hset(f"ns:{{{SWEEP_ID}}}:run:0", mapping={"scale": "0.5", "seed": "0"})
    redis.zadd(f"ns:{{{SWEEP_ID}}}:queued", {"0": 0})
    redis.zadd("ns:sweeps", {SWEEP_ID: 1773133200000000})
    redis.zadd("ns:open", {SWEEP_ID: 1773133200000000})
