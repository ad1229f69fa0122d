"""Reader of what runs have measured and trained: epochs, evaluations and models. Large data is read in pieces."""

from collections.abc import AsyncIterator, Iterator, Sequence
from functools import partial

from pydantic import TypeAdapter
from redis.asyncio import Redis
from redis.client import NEVER_DECODE

from api.sweeps.building import build, grouped
from api.sweeps.errors import ModelNotFoundError
from noisesweep.models import EpochMetrics, Evaluation, Run, RunStatus, RunSummary, Sweep
from shared.errors import SweepNotFoundError
from shared.store.keys import SweepKeys, parse_run_id

# They take some milliseconds to parse, and become 100 kB of an answer.
EPOCHS_PER_READ = 500
MODEL_PIECE_BYTES = 256 * 1024
_EPOCHS = TypeAdapter(list[EpochMetrics])


class Measurements:
    """Reader of epochs, evaluations and models of runs that were read before.

    Every method raises redis.exceptions.RedisError if Redis does not respond.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def epochs(self, runs: Sequence[RunSummary]) -> list[list[EpochMetrics]]:
        """Return the epochs that runs of a sweep had when the sweep was read, by run.

        Epochs are only added to a run, so the runs of a sweep can be read in several parts.

        Raises:
            SweepNotFoundError: The sweep was deleted, or a run started again with other numerics, after it was read.
        """
        async with self._redis.pipeline(transaction=False) as pipeline:
            for run in runs:
                sweep_id, index = parse_run_id(run.id)
                pipeline.lrange(SweepKeys(sweep_id).epochs(index), 0, run.epochs_done - 1)
            stored = await pipeline.execute()
        return await build(partial(_known_epochs, runs, stored), sum(map(len, stored)))

    async def all_epochs(self, sweep: Sweep) -> list[list[EpochMetrics]]:
        """Return the epochs of all runs of the sweep, by run index. See `epochs`."""
        return [of_run for runs in in_groups(sweep.runs) for of_run in await self.epochs(runs)]

    async def evaluations(self, sweep: Sweep) -> list[Evaluation | None]:
        """Return the evaluation of each run, by run index; None for a run that had not succeeded when it was read.

        Raises:
            SweepNotFoundError: The sweep was deleted after it was read.
        """
        keys = SweepKeys(sweep.id)
        replies = await self._redis.mget([keys.evaluation(index) for index in range(len(sweep.runs))])
        known = [
            reply if run.status is RunStatus.SUCCEEDED else "" for run, reply in zip(sweep.runs, replies, strict=True)
        ]
        if None in known:
            raise _deleted_while_read(sweep.id)
        return await build(
            lambda: [Evaluation.model_validate_json(evaluation) if evaluation else None for evaluation in known],
            len(known),
        )

    async def model_bytes(self, run: Run) -> int:
        """Return the size of the run's .keras file. Raise ModelNotFoundError with the reason if there is none."""
        if not run.keep_model:
            raise ModelNotFoundError(
                "This run's model was not stored. To store models, submit with keep_model set to true."
            )
        if run.status is not RunStatus.SUCCEEDED:
            raise ModelNotFoundError(f"This run has no model, because its status is {run.status}.")
        sweep_id, index = parse_run_id(run.id)
        size: int = await self._redis.strlen(SweepKeys(sweep_id).model(index))
        if not size:
            raise ModelNotFoundError(
                run.status_detail or "This run's model has expired. Models are stored for a limited number of days."
            )
        return size

    async def model(self, run: Run, size: int) -> AsyncIterator[bytes]:
        """Yield the run's .keras file of this size in pieces. Raise ModelNotFoundError if it is deleted meanwhile."""
        sweep_id, index = parse_run_id(run.id)
        key = SweepKeys(sweep_id).model(index)
        for start in range(0, size, MODEL_PIECE_BYTES):
            end = min(start + MODEL_PIECE_BYTES, size)
            piece: bytes = await self._redis.execute_command(  # type: ignore[no-untyped-call]
                "GETRANGE", key, start, end - 1, **{NEVER_DECODE: True}
            )
            if len(piece) != end - start:
                raise ModelNotFoundError("This run's model expired, or its sweep was deleted, while it was read.")
            yield piece


def in_groups(runs: Sequence[RunSummary]) -> Iterator[list[RunSummary]]:
    """Yield the runs in groups whose epochs can be read at once."""
    return grouped(runs, lambda run: run.epochs_done, EPOCHS_PER_READ)


def _known_epochs(runs: Sequence[RunSummary], stored: Sequence[Sequence[str]]) -> list[list[EpochMetrics]]:
    """Return the stored epochs that the runs have: answers with one ETag contain the same epochs."""
    epochs = []
    for run, of_run in zip(runs, stored, strict=True):
        known = _EPOCHS.validate_json(f"[{','.join(of_run[: run.epochs_done])}]")
        if len(known) < run.epochs_done or (known and known[-1] != run.latest_metrics):
            raise _deleted_while_read(parse_run_id(run.id)[0])
        epochs.append(known)
    return epochs


def _deleted_while_read(sweep_id: str) -> SweepNotFoundError:
    return SweepNotFoundError(
        f'The sweep "{sweep_id}" was deleted while it was read, its store was replaced by an older copy, or a run '
        "started again with another numerics version."
    )
