"""The worker's side of the store: claim queued runs, renew, commit, finish or release them, reap what others lost."""

import uuid
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import cast

from redis.backoff import ExponentialWithJitterBackoff
from redis.client import NEVER_DECODE
from redis.exceptions import ResponseError
from redis.retry import Retry

from noisesweep.models import EpochMetrics, Evaluation, RunError, RunStatus, SweepRequest, TrainingConfig
from shared.errors import NoiseSweepError
from shared.fingerprint import fingerprint
from shared.settings import Settings
from shared.store import connections
from shared.store.keys import SweepKeys, run_id
from shared.store.scripts import Script, is_newer, source
from worker.metrics import WorkerMetrics
from worker.trainer.state import RunState

# Reconnect quickly; callers decide whether to keep retrying.
RETRIES = 2


class LeaseLostError(NoiseSweepError):
    """A write was refused: the run has another owner now, or none. Nothing was written."""


@dataclass(frozen=True)
class ClaimedRun:
    """A run that is this worker's while its lease lasts."""

    index: int
    scale: float
    seed: int


@dataclass(frozen=True)
class Claim:
    """Runs of one seed that one owner holds. The owner is a fresh UUID, so no two claims can be mistaken.

    `device` is the kind that its worker trains on; `request_id` and `traceparent` are those of the request that
    submitted the sweep. Each is empty where not known.
    """

    owner: str
    sweep_id: str
    device: str
    request_id: str
    traceparent: str
    config: TrainingConfig
    keep_model: bool
    runs: tuple[ClaimedRun, ...]


class LeaseState(StrEnum):
    """The state of a claimed run's lease: its owner holds it, must cancel the run, or has lost it."""

    HELD = "held"
    CANCELLED = "cancelled"
    LOST = "lost"


@dataclass(frozen=True)
class ReapResult:
    """The result of reaping one sweep.

    Attributes:
        open_runs: Runs queued or running.
        runs_without_message: Queued runs that should each have a message and may have none.
        requeued: Runs that went back to the queue now.
        lost: Runs that failed now as worker_lost.
        cancelled: Runs that ended now because they were to be cancelled.
    """

    open_runs: int
    runs_without_message: int
    requeued: int = 0
    lost: int = 0
    cancelled: int = 0


class Leases:
    """The worker's side of the store: claims, and writes under them.

    Each write is one atomic script, which the client repeats if the connection breaks, and is fenced by the claim's
    owner. LeaseLostError means that another owner has the run, and that nothing was written. It is also raised if the
    store has fewer epochs than were committed, as a replica may that became the primary: the run is then trained again
    from what is known there.
    """

    def __init__(self, settings: Settings) -> None:
        self.lease_microseconds = int(settings.lease_seconds * 1_000_000)
        self.model_retention_seconds = max(1, int(timedelta(days=settings.model_retention_days).total_seconds()))
        self.retention_seconds = max(1, int(timedelta(days=settings.retention_days).total_seconds()))
        self.redis = connections.blocking(
            settings,
            # Nobody waits, and a checkpoint takes its time; both together stay far below a lease.
            socket_connect_timeout=2,
            socket_timeout=5,
            retry=Retry(ExponentialWithJitterBackoff(base=0.05, cap=0.5), RETRIES),
        )
        self.metrics = WorkerMetrics(self.redis)
        self._claim = self.redis.register_script(source(Script.CLAIM))
        self._renew = self.redis.register_script(source(Script.RENEW))
        self._commit = self.redis.register_script(source(Script.COMMIT))
        self._release = self.redis.register_script(source(Script.RELEASE))
        self._finish = self.redis.register_script(source(Script.FINISH))
        self._reap = self.redis.register_script(source(Script.REAP))
        self._delete = self.redis.register_script(source(Script.DELETE))

    def close(self) -> None:
        """Give the connections back."""
        self.redis.close()

    def claim(self, sweep_id: str, limit: int, worker: str = "", device: str = "") -> Claim | None:
        """Claim up to `limit` queued runs that can share a stack, in the order of the grid; None if none is queued.

        The name of the worker and its kind of device are noted with the runs. A newer program's sweep has none for it.
        """
        owner = str(uuid.uuid4())
        arguments: list[str | int] = [owner, self.lease_microseconds, limit, worker, device]
        try:
            reply = self._claim(keys=SweepKeys(sweep_id).for_scripts, args=arguments)
        except ResponseError as error:
            if not is_newer(error):
                raise
            reply = None
        if reply is None:
            return None
        (request_json, request_id, traceparent), *runs = reply
        request = SweepRequest.model_validate_json(request_json)
        return Claim(
            owner=owner,
            sweep_id=sweep_id,
            device=device,
            request_id=request_id or "",
            traceparent=traceparent or "",
            config=request.config,
            keep_model=request.keep_model,
            runs=tuple(ClaimedRun(int(index), float(scale), int(seed)) for index, scale, seed in runs),
        )

    def renew(self, claim: Claim) -> dict[int, LeaseState]:
        """Say by index what is asked of each run; renew their leases unless that was done within a sixth of a lease."""
        indices = [run.index for run in claim.runs]
        arguments: list[str | int] = [claim.owner, self.lease_microseconds, self.lease_microseconds // 6, *indices]
        reply = self._renew(keys=SweepKeys(claim.sweep_id).for_scripts, args=arguments)
        return dict(zip(indices, map(LeaseState, reply), strict=True))

    def commit(self, claim: Claim, run: ClaimedRun, metrics: EpochMetrics, state: RunState | None = None) -> None:
        """Keep an epoch, with the state after it as checkpoint if there is one, and renew the lease.

        The epochs of a run come in order, from 0. Runs whose checkpoints stand at one step can be claimed together.
        """
        arguments: list[str | int | bytes] = [
            run.index,
            claim.owner,
            self.lease_microseconds,
            metrics.epoch,
            metrics.model_dump_json(),
            state.position if state else "",
            state.to_bytes() if state else b"",
        ]
        if not self._commit(keys=SweepKeys(claim.sweep_id).for_scripts, args=arguments):
            raise LeaseLostError(f"Epoch {metrics.epoch} of run {run.index} was refused.")
        self.metrics.epoch(claim.config, metrics, len(claim.runs))

    def checkpoint(self, claim: Claim, run: ClaimedRun) -> RunState | None:
        """The run's last checkpoint, if it has one."""
        key = SweepKeys(claim.sweep_id).checkpoint(run.index)
        checkpoint: bytes | None = self.redis.execute_command("GET", key, **{NEVER_DECODE: True})  # type: ignore[no-untyped-call]
        return RunState.from_bytes(checkpoint) if checkpoint else None

    def test_scales(self, claim: Claim) -> list[float]:
        """Return the scales to evaluate trained networks with: 0 and every scale of the sweep, ascending."""
        keys = SweepKeys(claim.sweep_id)
        run_count = int(cast("str", self.redis.hget(keys.record, "run_count")))
        with self.redis.pipeline(transaction=False) as pipeline:
            for index in range(run_count):
                pipeline.hget(keys.run(index), "scale")
            return sorted({0.0, *map(float, pipeline.execute())})

    def release(self, claim: Claim, run: ClaimedRun, state: RunState) -> RunStatus:
        """Hand the run back to the queue; whoever claims it next goes on from this state.

        Return how it stands now: queued, or cancelled if it was to be.
        """
        arguments: list[str | int | bytes] = [run.index, claim.owner, state.position, state.to_bytes()]
        stands = self._release(keys=SweepKeys(claim.sweep_id).for_scripts, args=arguments)
        if stands is None:
            raise LeaseLostError(f"The release of run {run.index} was refused.")
        status = RunStatus(stands)
        if status.is_final:
            self.metrics.ended(run_id(claim.sweep_id, run.index), status)
        return status

    def succeed(
        self,
        claim: Claim,
        run: ClaimedRun,
        weights_sha256: str,
        evaluation: Evaluation,
        model: bytes | None = None,
        *,
        epochs: int = 0,
    ) -> RunStatus:
        """End a run that has trained all its epochs; keep its model, a .keras file, if there is one.

        It is refused if the store does not have so many `epochs` of it. Return how the run has ended, which is
        cancelled if it was to be.
        """
        measured = evaluation.model_dump_json(exclude_computed_fields=True)
        outcome = self._end(
            claim,
            run,
            RunStatus.SUCCEEDED,
            ["", "", weights_sha256, measured, model or b"", self.model_retention_seconds, epochs],
        )
        if outcome is RunStatus.SUCCEEDED and claim.device:
            known = fingerprint(claim.config, run.scale, run.seed)
            self.metrics.trained(known, claim.device, run_id(claim.sweep_id, run.index), self.retention_seconds)
        return outcome

    def fail(self, claim: Claim, run: ClaimedRun, error: RunError) -> RunStatus:
        """End a run that cannot go on, and say why."""
        return self._end(claim, run, RunStatus.FAILED, [error.code, error.message, "", "", b"", "", ""])

    def cancel(self, claim: Claim, run: ClaimedRun) -> RunStatus:
        """End a run that is to be cancelled."""
        return self._end(claim, run, RunStatus.CANCELLED, ["", "", "", "", b"", "", ""])

    def _end(self, claim: Claim, run: ClaimedRun, outcome: RunStatus, rest: list[str | bytes | int]) -> RunStatus:
        arguments = [str(run.index), claim.owner, outcome.value, *rest]
        stands = self._finish(keys=SweepKeys(claim.sweep_id).for_scripts, args=arguments)
        if stands is None:
            raise LeaseLostError(f"The end of run {run.index} was refused.")
        status = RunStatus(stands)
        self.metrics.ended(run_id(claim.sweep_id, run.index), status)
        return status

    def reap(self, sweep_id: str, max_attempts: int, silence_seconds: float) -> ReapResult:
        """Take runs whose lease has run out from their owners; report how many queued runs lack a message.

        A run goes back to the queue, or fails as worker_lost if `max_attempts` owners in a row were lost without an
        epoch more. Messages are wanted for runs that came back, and when none were for as long as `silence_seconds`.
        """
        arguments = [max_attempts, int(silence_seconds * 1_000_000)]
        return ReapResult(*self._reap(keys=SweepKeys(sweep_id).for_scripts, args=arguments))

    def forget(self, sweep_id: str, ended_before_microseconds: int) -> bool:
        """Remove the sweep if its runs ended before that time of the server; return whether nothing of it is left."""
        return bool(self._delete(keys=SweepKeys(sweep_id).for_scripts, args=[ended_before_microseconds]))
