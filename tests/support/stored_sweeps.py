"""Writer and reader for stored sweeps."""

import json
from typing import Any, cast

from redis import Redis

from api.sweeps.admission import RETRY_BYTES, costs
from noisesweep.models import Evaluation, SweepRequest
from shared.store.functions import Function, Functions
from shared.store.keys import LEASES, TURNS, SweepKeys, line_of, new_sweep_id, queued, run_id

# Multiply-accumulates per second of a training process, for the compute that is counted.
PACE = 3e10
UNLIMITED: dict[str, Any] = {
    "role": "member",
    "max_queued_runs": 10**9,
    "max_queued_runs_per_key": 10**9,
    "max_stored_bytes": 10**15,
}


class Sweeps:
    """Writer of sweeps, with the API's functions, and reader of their single keys."""

    def __init__(self, redis: Redis) -> None:
        self.redis = redis
        self.functions = Functions(redis)

    def create(self, request: SweepRequest, submitter: str = "") -> str:
        sweep_id = new_sweep_id()
        assert self.write(sweep_id, request, submitter) == ["created"]
        return sweep_id

    def write(self, sweep_id: str, request: SweepRequest, submitter: str = "", **limits: int) -> list[Any]:
        arguments: dict[str, Any] = {**costs(request, PACE), **UNLIMITED, **limits}
        if request.own_dataset:
            arguments["dataset"] = request.own_dataset.sha256
        reply: list[Any] = self.functions.call(
            Function.CREATE,
            fingerprint="",
            sweep=sweep_id,
            request=request.model_dump_json(),
            submitter=submitter,
            request_id="",
            traceparent="",
            runs=json.dumps([[repr(scale), str(seed)] for scale, seed in request.grid()]),
            **arguments,
        )
        return reply

    def extend(self, sweep_id: str, *scales: float, submitter: str = "") -> None:
        run_count = cast("str", self.redis.hget(SweepKeys(sweep_id).record, "run_count"))
        runs = json.dumps([[repr(scale), "0"] for scale in scales])
        reply = self.functions.call(
            Function.EXTEND,
            sweep=sweep_id,
            submitter=submitter,
            run_count=run_count,
            runs=runs,
            epoch_compute=1,
            **UNLIMITED,
        )
        assert reply == ["extended"]

    def retry(self, sweep_id: str, submitter: str = "") -> int:
        reply = self.functions.call(
            Function.RETRY, sweep=sweep_id, submitter=submitter, retry_bytes=RETRY_BYTES, epoch_compute=1, **UNLIMITED
        )
        return int(reply[1])

    def cancel(self, sweep_id: str, *indices: int) -> int:
        chosen: dict[str, Any] = {"indices": json.dumps(indices)} if indices else {}
        return int(self.functions.call(Function.CANCEL, sweep=sweep_id, **chosen)[1])

    def evaluation(self, sweep_id: str, index: int) -> Evaluation:
        return Evaluation.model_validate_json(cast("str", self.redis.get(SweepKeys(sweep_id).evaluation(index))))

    def run(self, sweep_id: str, index: int) -> dict[str, str]:
        return cast("dict[str, str]", self.redis.hgetall(SweepKeys(sweep_id).run(index)))

    def epochs(self, sweep_id: str, index: int) -> list[str]:
        return cast("list[str]", self.redis.lrange(SweepKeys(sweep_id).epochs(index), 0, -1))

    def events(self, sweep_id: str) -> list[tuple[str, str]]:
        entries = cast("list[tuple[str, dict[str, str]]]", self.redis.xrange(SweepKeys(sweep_id).events))
        return [(event["type"], event["index"]) for _, event in entries]

    def queued(self, sweep_id: str) -> list[str]:
        """Return the indices of the sweep's queued runs, in the order of the queue."""
        waiting = cast("list[str]", self.redis.zrange(queued(self._line(sweep_id)), 0, -1))
        return [run.removeprefix(f"{sweep_id}-") for run in waiting if run.startswith(sweep_id)]

    def leased(self, sweep_id: str) -> list[str]:
        """Return the indices of the sweep's running runs."""
        running = cast("list[str]", self.redis.zrange(LEASES, 0, -1))
        return sorted(run.removeprefix(f"{sweep_id}-") for run in running if run.startswith(sweep_id))

    def put_first(self, sweep_id: str) -> None:
        """Give the sweep the next turn. Its runs must be queued by its submitter."""
        line, waiting = self._line(sweep_id), self.queued(sweep_id)
        if waiting:
            start = self._lowest(queued(line)) - len(waiting)
            for position, index in enumerate(sorted(waiting, key=int)):
                self.redis.zadd(queued(line), {run_id(sweep_id, int(index)): start + position})
                self.redis.hset(SweepKeys(sweep_id).run(index), "queued_at", str(start + position))
            self.redis.zadd(TURNS, {line: self._lowest(TURNS) - 1})

    def _lowest(self, key: str) -> int:
        """Return the lowest score of a sorted set."""
        ((_, score),) = cast("list[tuple[str, float]]", self.redis.zrange(key, 0, 0, withscores=True))
        return int(score)

    def _line(self, sweep_id: str) -> str:
        return line_of(cast("str", self.redis.hget(SweepKeys(sweep_id).record, "submitter")) or "")
