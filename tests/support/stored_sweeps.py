"""Writer and reader for stored sweeps."""

from typing import cast

from redis import Redis

from noisesweep.models import Evaluation, SweepRequest
from shared.store.keys import SweepKeys, new_sweep_id
from shared.store.scripts import Script, source


class Sweeps:
    """Writer of sweeps, with the API's scripts, and reader of their single keys."""

    def __init__(self, redis: Redis) -> None:
        self.redis = redis
        self._create = redis.register_script(source(Script.CREATE))
        self._extend = redis.register_script(source(Script.EXTEND))
        self._cancel = redis.register_script(source(Script.CANCEL))

    def create(self, request: SweepRequest) -> str:
        sweep_id = new_sweep_id()
        assert self.write(sweep_id, request) == 1
        return sweep_id

    def write(self, sweep_id: str, request: SweepRequest) -> int:
        runs = [field for scale, seed in request.grid() for field in (scale, seed, "")]
        arguments = [request.model_dump_json(), "1", "", "", "", *runs]
        return int(self._create(keys=SweepKeys(sweep_id).for_scripts, args=arguments))

    def extend(self, sweep_id: str, *scales: float) -> None:
        keys = SweepKeys(sweep_id)
        run_count = cast("str", self.redis.hget(keys.record, "run_count"))
        arguments = [run_count, *(field for scale in scales for field in (scale, 0, ""))]
        assert self._extend(keys=keys.for_scripts, args=arguments) == 1

    def evaluation(self, sweep_id: str, index: int) -> Evaluation:
        return Evaluation.model_validate_json(cast("str", self.redis.get(SweepKeys(sweep_id).evaluation(index))))

    def cancel(self, sweep_id: str, *indices: int) -> int:
        return int(self._cancel(keys=SweepKeys(sweep_id).for_scripts, args=indices)[0])

    def run(self, sweep_id: str, index: int) -> dict[str, str]:
        return cast("dict[str, str]", self.redis.hgetall(SweepKeys(sweep_id).run(index)))

    def epochs(self, sweep_id: str, index: int) -> list[str]:
        return cast("list[str]", self.redis.lrange(SweepKeys(sweep_id).epochs(index), 0, -1))

    def events(self, sweep_id: str) -> list[tuple[str, str]]:
        entries = cast("list[tuple[str, dict[str, str]]]", self.redis.xrange(SweepKeys(sweep_id).events))
        return [(event["type"], event["index"]) for _, event in entries]
