"""The worker's side of the store: claim queued runs, commit their epochs, finish them."""

import uuid
from dataclasses import dataclass

from redis import Redis
from redis.backoff import ExponentialWithJitterBackoff
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
    runs: tuple[ClaimedRun, ...]


class Leases:
    """Claims and what may be written under them.

    Each method is one atomic script, which the client repeats when the connection breaks. Every write is fenced by
    the claim's owner: LeaseLostError says that the run belongs to somebody else now, and nothing was written.
    """

    def __init__(self, settings: Settings) -> None:
        self.lease_microseconds = int(settings.lease_seconds * 1_000_000)
        self.redis: Redis = Redis.from_url(
            settings.redis_url.get_secret_value(),
            decode_responses=True,
            socket_connect_timeout=2,
            socket_timeout=5,
            retry=Retry(ExponentialWithJitterBackoff(base=0.1, cap=2), RETRIES),
        )
        self._claim = self.redis.register_script(source(Script.CLAIM))
        self._commit = self.redis.register_script(source(Script.COMMIT))
        self._finish = self.redis.register_script(source(Script.FINISH))

    def close(self) -> None:
        """Give the connections back."""
        self.redis.close()

    def claim(self, sweep_id: str, limit: int) -> Claim | None:
        """Claim up to `limit` queued runs of one seed, the first of the grid first; None where none is queued."""
        owner = str(uuid.uuid4())
        reply = self._claim(keys=SweepKeys(sweep_id).for_scripts, args=[owner, self.lease_microseconds, limit])
        if reply is None:
            return None
        request, *runs = reply
        return Claim(
            owner=owner,
            sweep_id=sweep_id,
            config=SweepRequest.model_validate_json(request).config,
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

    def succeed(self, claim: Claim, run: ClaimedRun) -> None:
        """End a run that has trained all its epochs."""
        self._end(claim, run, RunStatus.SUCCEEDED)

    def fail(self, claim: Claim, run: ClaimedRun, error: RunError) -> None:
        """End a run that cannot go on, and say why."""
        self._end(claim, run, RunStatus.FAILED, error)

    def _end(self, claim: Claim, run: ClaimedRun, outcome: RunStatus, error: RunError | None = None) -> None:
        reason = [error.code, error.message] if error else ["", ""]
        arguments = [str(run.index), claim.owner, outcome.value, *reason]
        if not self._finish(keys=SweepKeys(claim.sweep_id).for_scripts, args=arguments):
            raise LeaseLostError(f"The end of run {run.index} was refused.")
