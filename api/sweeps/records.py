"""Models of sweeps, runs and events from Redis replies."""

import json
import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from noisesweep.models import (
    EpochMetrics,
    Evaluation,
    Event,
    EventType,
    Run,
    RunError,
    RunStatus,
    RunSummary,
    Sweep,
    SweepRequest,
)
from shared.store.keys import run_id

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# The id of an entry, and its fields.
StreamEntry = tuple[str, dict[str, str]]

logger = logging.getLogger(__name__)


STRANDED = "It waits, and no worker is alive to train it: start one with `noisesweep worker`."


def sweep_of(sweep_id: str, reply: Sequence[Any], *, any_worker: bool) -> Sweep:
    """Return the model of a reply of shared/store/lua/read.lua."""
    fields, queued, leased, *runs = reply
    record = _pairs(fields)
    request = SweepRequest.model_validate_json(record["request"])
    summaries = []
    for index, (run_fields, epochs_done, latest) in enumerate(runs):
        run = _pairs(run_fields)
        status = _status(run, queued=str(index) in queued, leased=str(index) in leased)
        metrics = EpochMetrics.model_validate_json(latest) if latest else None
        summaries.append(_summary(run_id(sweep_id, index), run, request, status, (epochs_done, metrics)))
    return Sweep(
        id=sweep_id,
        version=int(record["version"]),
        name=request.name,
        tags=request.tags,
        created_at=_time(record["created_at"]),
        config=request.config,
        # Its grid may have been extended.
        scales=list(dict.fromkeys(summary.scale for summary in summaries)),
        seeds=list(dict.fromkeys(summary.seed for summary in summaries)),
        status_detail=STRANDED if queued and not any_worker else None,
        runs=summaries,
    )


def run_of(sweep_id: str, index: int, record: Sequence[str], reply: Sequence[Any], *, any_worker: bool) -> Run:
    """Return the model of a run with all its epochs.

    Args:
        sweep_id: Its sweep.
        index: Its index in the grid.
        record: The sweep's request (JSON) and version.
        reply: The run's hash, its scores in `queued` and in `leases` (None where it is not), its epochs (JSON), its
            evaluation (JSON, None where there is none).
        any_worker: Whether any worker is alive.
    """
    request, version = SweepRequest.model_validate_json(record[0]), int(record[1])
    run, queued, leased, epochs, evaluation = reply
    status = _status(run, queued=queued is not None, leased=leased is not None)
    metrics = [EpochMetrics.model_validate_json(epoch) for epoch in epochs]
    latest = metrics[-1] if metrics else None
    summary = _summary(run_id(sweep_id, index), run, request, status, (len(metrics), latest))
    return Run(
        **summary.model_dump(exclude={"links"}),
        sweep_id=sweep_id,
        sweep_version=version,
        status_detail=STRANDED if status is RunStatus.QUEUED and not any_worker else None,
        config=request.config,
        epochs=metrics,
        evaluation=Evaluation.model_validate_json(evaluation) if evaluation else None,
    )


def events_of(sweep_id: str, entries: Sequence[StreamEntry]) -> list[Event]:
    """Return the models of entries of a sweep's event stream, without those that only a newer program can read."""
    events = []
    for entry in entries:
        try:
            events.append(_event(sweep_id, *entry))
        except (ValueError, KeyError) as error:
            logger.warning("Event %s of sweep %s is left out, it cannot be read: %r", entry[0], sweep_id, error)
    return events


def _event(sweep_id: str, event_id: str, fields: dict[str, str]) -> Event:
    kind, data = EventType(fields["type"]), fields["data"]
    return Event(
        id=event_id,
        type=kind,
        at=_time(f"{event_id.split('-', maxsplit=1)[0]}000"),
        run_id=run_id(sweep_id, int(fields["index"])) if fields["index"] else None,
        status=RunStatus(json.loads(data)["status"]) if kind is EventType.RUN_ENDED else None,
        metrics=EpochMetrics.model_validate_json(data) if kind is EventType.EPOCH else None,
    )


def _summary(
    identity: str,
    run: dict[str, str],
    request: SweepRequest,
    status: RunStatus,
    epochs: tuple[int, EpochMetrics | None],
) -> RunSummary:
    epochs_done, latest = epochs
    return RunSummary(
        id=identity,
        scale=float(run["scale"]),
        seed=int(run["seed"]),
        status=status,
        cancel_requested="cancel_requested" in run,
        worker=run.get("worker") or None,
        device=run.get("device") or None,
        attempts=int(run.get("attempts", 0)),
        epochs_done=epochs_done,
        latest_metrics=latest,
        error=RunError(code=run["error_code"], message=run["error_message"]) if "error_code" in run else None,
        weights_sha256=run.get("weights_sha256"),
        keep_model=request.keep_model,
        reused_from=run.get("reused_from"),
        started_at=_time(run["started_at"]) if "started_at" in run else None,
        ended_at=_time(run["ended_at"]) if "ended_at" in run else None,
    )


def _status(run: dict[str, str], *, queued: bool, leased: bool) -> RunStatus:
    """Return a run's status, which follows from where its index stands; see shared/store/keys.py."""
    if queued:
        return RunStatus.QUEUED
    return RunStatus.RUNNING if leased else RunStatus(run["outcome"])


def _pairs(flat: list[str]) -> dict[str, str]:
    """Return a hash from the flat list in which a script returns it."""
    return dict(zip(flat[::2], flat[1::2], strict=True))


def _time(microseconds: str) -> datetime:
    return EPOCH + timedelta(microseconds=int(microseconds))
