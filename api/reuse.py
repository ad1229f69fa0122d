"""Runs that need no training, because the same was trained before."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from redis.asyncio import Redis

from api.workers import Workers
from shared.fingerprint import fingerprint
from shared.keys import SweepKeys, parse_run_id, trained
from shared.models import RunStatus, TrainingConfig

# Scale and seed of a run.
GridPoint = tuple[float, int]


class TrainedRuns:
    """Finds what was measured when a run was trained before."""

    def __init__(self, redis: Redis, workers: Workers) -> None:
        self._redis = redis
        self._workers = workers

    async def find(self, config: TrainingConfig, grid: Sequence[GridPoint]) -> dict[GridPoint, str]:
        """What was measured (JSON, as lua/prelude.lua takes it) of those runs of a grid that were trained before.

        A run counts if it was trained on a kind of device that a living worker has; if no worker lives, on any.
        """
        async with self._redis.pipeline(transaction=False) as pipeline:
            for scale, seed in grid:
                pipeline.hgetall(trained(fingerprint(config, scale, seed)))
            by_device: list[dict[str, str]] = await pipeline.execute()
        if not any(by_device):
            return {}
        devices = {worker.device for worker in await self._workers.listed() if worker.alive}
        run_ids = {
            point: next((run for device, run in known.items() if device in devices or not devices), None)
            for point, known in zip(grid, by_device, strict=True)
        }
        return await self._measured({point: run_id for point, run_id in run_ids.items() if run_id}, config)

    async def _measured(self, run_ids: Mapping[GridPoint, str], config: TrainingConfig) -> dict[GridPoint, str]:
        async with self._redis.pipeline(transaction=False) as pipeline:
            for run_id in run_ids.values():
                sweep_id, index = parse_run_id(run_id)
                keys = SweepKeys(sweep_id)
                pipeline.hgetall(keys.run(index))
                pipeline.lrange(keys.epochs(index), 0, -1)
                pipeline.get(keys.evaluation(index))
            replies = await pipeline.execute()
        found = {}
        for (point, run_id), run, epochs, evaluation in zip(
            run_ids.items(), replies[::3], replies[1::3], replies[2::3], strict=True
        ):
            # It may have been deleted since.
            if run.get("outcome") == RunStatus.SUCCEEDED and len(epochs) == config.epochs and evaluation:
                found[point] = _measured(run_id, run, epochs, evaluation)
        return found


def _measured(run_id: str, run: Mapping[str, str], epochs: list[str], evaluation: str) -> str:
    measured: dict[str, Any] = {field: run[field] for field in ("worker", "device", "weights_sha256")}
    return json.dumps(measured | {"run_id": run_id, "epochs": epochs, "evaluation": evaluation})
