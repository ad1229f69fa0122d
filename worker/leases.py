"""Worker's access to the store: claim, renew, commit, finish and release runs."""

import json
import uuid
from dataclasses import asdict
from datetime import timedelta
from enum import StrEnum
from typing import cast

from pydantic import ValidationError
from redis.backoff import ExponentialWithJitterBackoff
from redis.client import NEVER_DECODE
from redis.exceptions import NoPermissionError, OutOfMemoryError
from redis.retry import Retry

from noisesweep.models import EpochMetrics, Evaluation, RunError, RunStatus, SweepRequest
from noisesweep.models.faults import explain
from shared.errors import NoiseSweepError
from shared.fingerprint import fingerprint
from shared.numerics import NUMERICS
from shared.settings import Settings
from shared.store import connections
from shared.store.functions import Argument, Function, Functions
from shared.store.keys import SweepKeys, dataset_pieces, run_id
from worker.claims import Claim, ClaimedRun, KeptEpoch
from worker.metrics import WorkerMetrics
from worker.trainer.state import RunState

# Reconnect quickly; callers decide whether to keep retrying.
RETRIES = 2


class LeaseLostError(NoiseSweepError):
    """The run no longer belongs to this owner. Nothing was written."""


class Stored(StrEnum):
    """Optional data of a run: training continues without it."""

    CHECKPOINT = "checkpoint"
    MODEL = "model"


class LeaseState(StrEnum):
    """State of a claimed run's lease: the owner holds it, must cancel the run, or has lost it."""

    HELD = "held"
    CANCELLED = "cancelled"
    LOST = "lost"


class Leases:
    """Worker's access to the store: claims, and writes that only a claim's owner may make.

    Each write is one atomic function and safe to repeat; the client repeats it if the connection breaks. Writes raise
    LeaseLostError, and change nothing, if another owner has the run. They also raise it if the store has fewer epochs
    than were committed, which can happen when a replica becomes the primary. The run then loses its owner and
    continues from the last stored checkpoint.

    Args:
        settings: The settings.
        numerics: Numerics version of the trainer. Runs that were begun with another version start again when claimed.
    """

    def __init__(self, settings: Settings, numerics: int = NUMERICS) -> None:
        self._numerics = numerics
        self.lease_microseconds = int(settings.lease_seconds * 1_000_000)
        self.model_retention_microseconds = timedelta(days=settings.model_retention_days) // timedelta(microseconds=1)
        self.retention_seconds = max(1, int(timedelta(days=settings.retention_days).total_seconds()))
        self.redis = connections.sync_client(
            settings,
            # Long enough to write a checkpoint; both together are far shorter than a lease.
            socket_connect_timeout=2,
            socket_timeout=5,
            retry=Retry(ExponentialWithJitterBackoff(base=0.05, cap=0.5), RETRIES),
        )
        self.metrics = WorkerMetrics(self.redis)
        self._functions = Functions(self.redis)

    def close(self) -> None:
        """Close the connections."""
        self.redis.close()

    def claim(self, limit: int, worker: str = "", device: str = "") -> Claim | None:
        """Claim up to `limit` queued runs that can share a stack, in grid order; return None if no run is queued.

        The store decides whose turn it is. The runs record the worker's name, kind of device and numerics version. What
        was stored of them with another numerics version is deleted. Runs whose request cannot be read fail.
        """
        owner = str(uuid.uuid4())
        reply = self._functions.call(
            Function.CLAIM,
            owner=owner,
            lease=self.lease_microseconds,
            limit=limit,
            worker=worker,
            device=device,
            numerics=self._numerics,
        )
        if reply is None:
            return None
        (sweep_id, request_json, request_id, traceparent), *runs = reply
        try:
            request = SweepRequest.model_validate_json(request_json)
        except ValidationError as error:
            for index, _, _ in runs:
                self._functions.call(
                    Function.STOP,
                    sweep=sweep_id,
                    index=index,
                    owner=owner,
                    error_code="unreadable_request",
                    error_message=f"This worker cannot read the sweep's request: {explain(error.errors()[0])}.",
                )
            return self.claim(limit, worker, device)
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
        """Return the lease state of each run by index; renew leases that were not renewed within a sixth of a lease."""
        indices = [run.index for run in claim.runs]
        reply = self._functions.call(
            Function.RENEW,
            sweep=claim.sweep_id,
            owner=claim.owner,
            lease=self.lease_microseconds,
            interval=self.lease_microseconds // 6,
            indices=json.dumps(indices),
        )
        return dict(zip(indices, map(LeaseState, reply), strict=True))

    def commit(self, claim: Claim, run: ClaimedRun, metrics: EpochMetrics) -> None:
        """Store an epoch's metrics and renew the lease. Epochs must be committed in order, from 0."""
        self._write(
            Function.COMMIT,
            claim,
            run,
            lease=self.lease_microseconds,
            epoch=metrics.epoch,
            metrics=metrics.model_dump_json(),
        )
        self.metrics.count_epoch(claim.config, claim.device, metrics, len(claim.runs))

    def save_checkpoint(self, claim: Claim, run: ClaimedRun, position: str, checkpoint: bytes) -> None:
        """Store a checkpoint in place of the previous one.

        Runs with checkpoints at the same position can be claimed together.
        """
        self._write(Function.CHECKPOINT, claim, run, position=position, checkpoint=checkpoint)

    def save_model(self, claim: Claim, run: ClaimedRun, model: bytes) -> None:
        """Store the trained model, a .keras file. It expires, and is deleted if the run does not succeed."""
        self._write(Function.MODEL, claim, run, model=model, duration=self.model_retention_microseconds)

    def warn(self, claim: Claim, run: ClaimedRun, kind: Stored, message: str) -> None:
        """Record why the run's checkpoint or model could not be stored. Clients see it until the next one is stored."""
        self._write(Function.WARN, claim, run, kind=kind.value, message=message)

    def raise_if_full(self, size: int) -> None:
        """Raise OutOfMemoryError if the store has no room for another `size` bytes.

        Without this check, the store would be over its limit while it receives them, and would reject other clients.
        """
        try:
            memory = self.redis.info("memory")
        except NoPermissionError:
            return  # a managed store may forbid it, and checks the limit itself
        free = memory["maxmemory"] - memory["used_memory"]
        if memory["maxmemory"] and free < size:
            raise OutOfMemoryError(
                f"{size / 1e6:,.1f} MB do not fit into the {max(0, free) / 1e6:,.1f} MB that are free"
            )

    def checkpoint(self, claim: Claim, run: ClaimedRun) -> RunState | None:
        """Return the run's last checkpoint; None if it has none."""
        key = SweepKeys(claim.sweep_id).checkpoint(run.index)
        checkpoint: bytes | None = self.redis.execute_command("GET", key, **{NEVER_DECODE: True})  # type: ignore[no-untyped-call]
        return RunState.from_bytes(checkpoint) if checkpoint else None

    def dataset(self, sha256: str) -> bytes:
        """Return the content of a data set that a client has added, from `shared.datasets.pack`; empty if unknown."""
        pieces: list[bytes] = []
        while piece := self.redis.execute_command(  # type: ignore[no-untyped-call]
            "LINDEX", dataset_pieces(sha256), len(pieces), **{NEVER_DECODE: True}
        ):
            pieces.append(piece)
        return b"".join(pieces)

    def test_scales(self, claim: Claim) -> list[float]:
        """Return the scales at which to evaluate trained networks: 0 and every scale of the sweep, ascending."""
        keys = SweepKeys(claim.sweep_id)
        run_count = int(cast("str", self.redis.hget(keys.record, "run_count")))
        with self.redis.pipeline(transaction=False) as pipeline:
            for index in range(run_count):
                pipeline.hget(keys.run(index), "scale")
            return sorted({0.0, *map(float, pipeline.execute())})

    def release(self, claim: Claim, run: ClaimedRun, position: str, checkpoint: bytes = b"") -> RunStatus:
        """Release the run at this position to the queue. The next owner continues from the checkpoint.

        Args:
            claim: The claim.
            run: The run.
            position: Position of the training.
            checkpoint: Checkpoint at this position; empty keeps the previous one.

        Returns:
            Queued, or cancelled if a client had cancelled the run.
        """
        saved: dict[str, Argument] = {"checkpoint": checkpoint} if checkpoint else {}
        status = RunStatus(str(self._write(Function.RELEASE, claim, run, position=position, **saved)))
        if status.is_final:
            self.metrics.count_ended(run_id(claim.sweep_id, run.index), status)
        return status

    def succeed(
        self,
        claim: Claim,
        run: ClaimedRun,
        weights_sha256: str,
        evaluation: Evaluation,
        *,
        kept: KeptEpoch | None = None,
        epochs: int = 0,
    ) -> RunStatus:
        """End a run that has trained this number of epochs. `kept` is required for a run with a holdout.

        Returns:
            Succeeded, or cancelled if a client had cancelled the run.

        Raises:
            LeaseLostError: The run has another owner, or the store has fewer than `epochs` epochs of it.
        """
        measured: dict[str, Argument] = {"evaluation": evaluation.model_dump_json(exclude_computed_fields=True)}
        if kept:
            measured |= {field: str(value) for field, value in asdict(kept).items()}
        outcome = self._end(Function.SUCCEED, claim, run, weights_sha256=weights_sha256, epochs=epochs, **measured)
        if outcome is RunStatus.SUCCEEDED and claim.device:
            key = fingerprint(claim.config, run.scale, run.seed, self._numerics)
            self.metrics.record_trained(key, claim.device, run_id(claim.sweep_id, run.index), self.retention_seconds)
        return outcome

    def fail(self, claim: Claim, run: ClaimedRun, error: RunError) -> RunStatus:
        """End a run with an error."""
        return self._end(Function.STOP, claim, run, error_code=error.code, error_message=error.message)

    def cancel(self, claim: Claim, run: ClaimedRun) -> RunStatus:
        """End a run that a client has cancelled."""
        return self._end(Function.STOP, claim, run)

    def _write(self, function: Function, claim: Claim, run: ClaimedRun, **arguments: Argument) -> str | int:
        """Call a function of a run's owner and return its reply. Raise LeaseLostError if it is rejected."""
        reply: str | int | None = self._functions.call(
            function, sweep=claim.sweep_id, index=run.index, owner=claim.owner, **arguments
        )
        if reply is None:
            raise LeaseLostError(f"The store rejected {function} for run {run.index}: it has another owner.")
        return reply

    def _end(self, function: Function, claim: Claim, run: ClaimedRun, **arguments: Argument) -> RunStatus:
        status = RunStatus(str(self._write(function, claim, run, **arguments)))
        self.metrics.count_ended(run_id(claim.sweep_id, run.index), status)
        return status
