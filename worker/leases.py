"""The worker's side of the store: claim queued runs, commit their epochs, finish them."""

import uuid
from dataclasses import dataclass
from datetime import timedelta

from redis import Redis
from redis.backoff import ExponentialWithJitterBackoff
from redis.client import NEVER_DECODE
from redis.retry import Retry

from shared.errors import LeaseLostError
from shared.keys import SweepKeys
from shared.models import EpochMetrics, RunError, RunStatus, SweepRequest, TrainingConfig
from shared.scripts import Script, source
from shared.settings import Settings

# Waits of 0.1 s doubling up to 2 s: in all about as long as a lease, after which trying on has no use.
RETRIES = 18


@dataclass(frozen=True)
class ClaimedRun:
    """A run that is this worker's while its lease lasts."""

    index: int
    scale: float
    seed: int


@dataclass(frozen=True)
class Claim:
    """Runs of one seed that one owner holds. The owner is a fresh UUID, so no two claims can be mistaken."""

    owner: str
    sweep_id: str
    config: TrainingConfig
    keep_model: bool
    runs: tuple[ClaimedRun, ...]


class Leases:
    """Claims and what may be written under them.

    Each method is one atomic script, which the client repeats when the connection breaks. Every write is fenced by
    the claim's owner: LeaseLostError says that the run belongs to somebody else now, and nothing was written.
    """

    def __init__(self, settings: Settings) -> None:
        self.lease_microseconds = int(settings.lease_seconds * 1_000_000)
        self.model_retention_seconds = max(1, int(timedelta(days=settings.model_retention_days).total_seconds()))
        self.redis: Redis = Redis.from_url(
            settings.redis_url.get_secret_value(),
            decode_responses=True,
            socket_connect_timeout=2,
            socket_timeout=5,
            retry=Retry(ExponentialWithJitterBackoff(base=0.1, cap=2), RETRIES),
        )
        self._claim = self.redis.register_script(source(Script.CLAIM))
        self._commit = self.redis.register_script(source(Script.COMMIT))
        self._checkpoint = self.redis.register_script(source(Script.CHECKPOINT))
        self._release = self.redis.register_script(source(Script.RELEASE))
        self._finish = self.redis.register_script(source(Script.FINISH))

    def close(self) -> None:
        """Give the connections back."""
        self.redis.close()

    def claim(self, sweep_id: str, limit: int) -> Claim | None:
        """Claim up to `limit` queued runs that can share a stack, in the order of the grid; None if none is queued."""
        owner = str(uuid.uuid4())
        reply = self._claim(keys=SweepKeys(sweep_id).for_scripts, args=[owner, self.lease_microseconds, limit])
        if reply is None:
            return None
        request_json, *runs = reply
        request = SweepRequest.model_validate_json(request_json)
        return Claim(
            owner=owner,
            sweep_id=sweep_id,
            config=request.config,
            keep_model=request.keep_model,
            runs=tuple(ClaimedRun(int(index), float(scale), int(seed)) for index, scale, seed in runs),
        )

    def commit(self, claim: Claim, run: ClaimedRun, metrics: EpochMetrics) -> None:
        """Keep an epoch and renew the lease. The epochs of a run come in order, from 0."""
        arguments: list[str | int] = [
            run.index,
            claim.owner,
            self.lease_microseconds,
            metrics.epoch,
            metrics.model_dump_json(),
        ]
        if not self._commit(keys=SweepKeys(claim.sweep_id).for_scripts, args=arguments):
            raise LeaseLostError(f"Epoch {metrics.epoch} of run {run.index} was refused.")

    def save_checkpoint(self, claim: Claim, run: ClaimedRun, position: str, checkpoint: bytes) -> None:
        """Keep a checkpoint in place of the one before; runs whose positions are equal can be claimed together."""
        arguments: list[str | bytes] = [str(run.index), claim.owner, position, checkpoint]
        if not self._checkpoint(keys=SweepKeys(claim.sweep_id).for_scripts, args=arguments):
            raise LeaseLostError(f"A checkpoint of run {run.index} was refused.")

    def checkpoint(self, claim: Claim, run: ClaimedRun) -> bytes | None:
        """The run's last checkpoint, if it has one."""
        key = SweepKeys(claim.sweep_id).checkpoint(run.index)
        checkpoint: bytes | None = self.redis.execute_command("GET", key, **{NEVER_DECODE: True})  # type: ignore[no-untyped-call]
        return checkpoint

    def release(self, claim: Claim, run: ClaimedRun) -> None:
        """Hand the run back to the queue; whoever claims it next goes on from its checkpoint."""
        if not self._release(keys=SweepKeys(claim.sweep_id).for_scripts, args=[run.index, claim.owner]):
            raise LeaseLostError(f"The release of run {run.index} was refused.")

    def succeed(self, claim: Claim, run: ClaimedRun, weights_sha256: str, model: bytes | None = None) -> None:
        """End a run that has trained all its epochs; keep its model, a .keras file, if there is one."""
        self._end(claim, run, RunStatus.SUCCEEDED, ["", "", weights_sha256, model or b"", self.model_retention_seconds])

    def fail(self, claim: Claim, run: ClaimedRun, error: RunError) -> None:
        """End a run that cannot go on, and say why."""
        self._end(claim, run, RunStatus.FAILED, [error.code, error.message, "", b"", ""])

    def _end(self, claim: Claim, run: ClaimedRun, outcome: RunStatus, rest: list[str | bytes | int]) -> None:
        arguments = [str(run.index), claim.owner, outcome.value, *rest]
        if not self._finish(keys=SweepKeys(claim.sweep_id).for_scripts, args=arguments):
            raise LeaseLostError(f"The end of run {run.index} was refused.")
