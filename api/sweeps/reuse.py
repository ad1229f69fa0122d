"""Reuse of runs that have already been trained."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from redis.asyncio import Redis

from api.sweeps.workers import Workers
from noisesweep.models import RunStatus, TrainingConfig
from shared.fingerprint import fingerprint
from shared.numerics import NUMERICS
from shared.store.keys import SweepKeys, parse_run_id, trained

# Scale and seed of a run.
GridPoint = tuple[float, int]
# Fields of a trained run that are copied; the last three exist with a holdout.
FIELDS = ("worker", "device", "numerics", "weights_sha256", "kept_metrics", "test_loss", "test_accuracy")
# These fields, run_id, epochs and evaluation of a trained run, for the store's functions.
MeasuredRun = Mapping[str, Any]


class TrainedRuns:
    """Index of trained runs that are still stored."""

    def __init__(self, redis: Redis, workers: Workers) -> None:
        self._redis = redis
        self._workers = workers

    async def find(
        self, config: TrainingConfig, grid: Sequence[GridPoint], numerics: int = NUMERICS
    ) -> dict[GridPoint, str]:
        """Return the ids of trained runs that are equal to runs of the grid, by grid point.

        All of them have the given numerics version. A run counts if it was trained on a kind of device that a live
        worker has. If no worker is alive, all kinds of devices count.
        """
        async with self._redis.pipeline(transaction=False) as pipeline:
            for scale, seed in grid:
                pipeline.hgetall(trained(fingerprint(config, scale, seed, numerics)))
            by_device = cast("list[dict[str, str]]", await pipeline.execute())
        if not any(by_device):
            return {}
        devices = {worker.device for worker in await self._workers.list_all() if worker.alive}
        candidates = [
            (point, run_id)
            for point, known in zip(grid, by_device, strict=True)
            for device, run_id in known.items()
            if device in devices or not devices
        ]
        async with self._redis.pipeline(transaction=False) as pipeline:
            for _, run_id in candidates:
                keys, index = _keys(run_id)
                pipeline.hget(keys.run(index), "outcome")
                pipeline.llen(keys.epochs(index))
                pipeline.exists(keys.evaluation(index))
            replies = await pipeline.execute()
        fewest = 1 if config.patience else config.epochs
        states = zip(replies[::3], replies[1::3], replies[2::3], strict=True)
        return {
            point: run_id
            for (point, run_id), (outcome, epochs, evaluated) in zip(candidates, states, strict=True)
            if outcome == RunStatus.SUCCEEDED and epochs >= fewest and evaluated  # a deleted run is still in the index
        }

    async def measurements(self, run_ids: Mapping[GridPoint, str]) -> dict[GridPoint, MeasuredRun]:
        """Return the measurements of runs, without deleted runs."""
        async with self._redis.pipeline(transaction=False) as pipeline:
            for run_id in run_ids.values():
                keys, index = _keys(run_id)
                pipeline.hgetall(keys.run(index))
                pipeline.lrange(keys.epochs(index), 0, -1)
                pipeline.get(keys.evaluation(index))
            replies = await pipeline.execute()
        return {
            point: _measurements(run_id, run, epochs, evaluation)
            for (point, run_id), run, epochs, evaluation in zip(
                run_ids.items(), replies[::3], replies[1::3], replies[2::3], strict=True
            )
            if run and epochs and evaluation
        }


def _keys(run_id: str) -> tuple[SweepKeys, int]:
    sweep_id, index = parse_run_id(run_id)
    return SweepKeys(sweep_id), index


def _measurements(run_id: str, run: Mapping[str, str], epochs: list[str], evaluation: str) -> MeasuredRun:
    measured = {field: run[field] for field in FIELDS if field in run}
    return measured | {"run_id": run_id, "epochs": epochs, "evaluation": evaluation}
