"""Conversion of Redis replies to models of sweeps, runs and events."""

import json
import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from api.science.numerics import REMEDY, mixed_numerics
from noisesweep.models import (
    EpochMetrics,
    Evaluation,
    Event,
    EventType,
    Kept,
    Run,
    RunError,
    RunLinks,
    RunStatus,
    RunSummary,
    Sweep,
    SweepLinks,
    SweepRequest,
)
from shared.store.keys import run_id

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Id and fields of an entry.
StreamEntry = tuple[str, dict[str, str]]

logger = logging.getLogger(__name__)

NO_WORKER = "Runs wait because no worker is alive. Start one with `noisesweep worker`."


def parse_sweep(sweep_id: str, reply: Sequence[Any], *, any_worker: bool) -> Sweep:
    """Return the sweep in a reply of the store's function `read`."""
    fields, *runs = reply
    record = _pairs(fields)
    request = SweepRequest.model_validate_json(record["request"])
    summaries, warnings = [], []
    for index, (run_fields, status, epochs_done, latest) in zip(range(int(record["run_count"])), runs, strict=True):
        run = _pairs(run_fields)
        metrics = EpochMetrics.model_validate_json(latest) if latest else None
        summaries.append(_summary(run_id(sweep_id, index), run, request, RunStatus(status), (epochs_done, metrics)))
        warnings.append(_warning(run))
    mixed = mixed_numerics(summaries)
    return Sweep(
        id=sweep_id,
        version=int(record["version"]),
        name=request.name,
        tags=request.tags,
        submitter=record["submitter"] or None,
        created_at=_time(record["created_at"]),
        config=request.config,
        # The grid may have been extended since the request.
        scales=list(dict.fromkeys(summary.scale for summary in summaries)),
        seeds=list(dict.fromkeys(summary.seed for summary in summaries)),
        status_detail=_detail(
            waits=int(record["open_runs"]) > 0 and not any_worker,
            warnings=[f"Run {run_id(sweep_id, index)}: {text}" for index, text in enumerate(warnings) if text],
            remark=mixed and f"{mixed} {REMEDY}",
        ),
        runs=summaries,
        links=SweepLinks(
            self=f"/sweeps/{sweep_id}",
            plot=f"/sweeps/{sweep_id}/plot",
            events=f"/sweeps/{sweep_id}/events",
            results=f"/sweeps/{sweep_id}/results",
            summary=f"/sweeps/{sweep_id}/summary",
            runs=[summary.links.self for summary in summaries],
        ),
    )


def parse_run(sweep_id: str, index: int, reply: Sequence[Any], *, any_worker: bool) -> Run:
    """Return a run with all its epochs.

    Args:
        sweep_id: Id of the sweep.
        index: Index of the run in the grid.
        reply: Reply of the store's function `read_run`.
        any_worker: Whether any worker is alive.
    """
    request_json, version, submitter, fields, status_text, epochs, evaluation = reply
    request, run, status = SweepRequest.model_validate_json(request_json), _pairs(fields), RunStatus(status_text)
    metrics = [EpochMetrics.model_validate_json(epoch) for epoch in epochs]
    latest = metrics[-1] if metrics else None
    summary = _summary(run_id(sweep_id, index), run, request, status, (len(metrics), latest))
    return Run(
        **summary.model_dump(),
        sweep_id=sweep_id,
        sweep_version=int(version),
        submitter=submitter or None,
        status_detail=_detail(
            waits=not status.is_final and not any_worker, warnings=list(filter(None, [_warning(run)]))
        ),
        config=request.config,
        epochs=metrics,
        evaluation=Evaluation.model_validate_json(evaluation) if evaluation else None,
    )


def parse_events(sweep_id: str, entries: Sequence[StreamEntry]) -> list[Event]:
    """Return the events in stream entries. Skip entries that this version cannot read."""
    events = []
    for entry in entries:
        try:
            events.append(_event(sweep_id, *entry))
        except (ValueError, KeyError) as error:
            logger.warning(
                "Skipped event %s of sweep %s because this version cannot read it: %r", entry[0], sweep_id, error
            )
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
    has_model = request.keep_model and status is RunStatus.SUCCEEDED
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
        kept=_kept(run) if "kept_metrics" in run else None,
        error=RunError(code=run["error_code"], message=run["error_message"]) if "error_code" in run else None,
        weights_sha256=run.get("weights_sha256"),
        numerics=int(run["numerics"]) if "numerics" in run else None,
        keep_model=request.keep_model,
        reused_from=run.get("reused_from"),
        started_at=_time(run["started_at"]) if "started_at" in run else None,
        ended_at=_time(run["ended_at"]) if "ended_at" in run else None,
        links=RunLinks(
            self=f"/runs/{identity}",
            plot=f"/runs/{identity}/plot",
            events=f"/runs/{identity}/events",
            model=f"/runs/{identity}/model" if has_model else None,
        ),
    )


def _kept(run: dict[str, str]) -> Kept:
    return Kept(
        metrics=EpochMetrics.model_validate_json(run["kept_metrics"]),
        test_loss=float(run["test_loss"]),
        test_accuracy=float(run["test_accuracy"]),
    )


def is_stranded(record: Sweep | Run) -> bool:
    """Return whether runs wait while no worker is alive."""
    return (record.status_detail or "").startswith(NO_WORKER)


def _detail(*, waits: bool, warnings: Sequence[str], remark: str | None = None) -> str | None:
    """Return the status detail: why runs wait, the first warning about data that could not be stored, and a remark."""
    more = f" {len(warnings) - 1} more runs have such a warning." if len(warnings) > 1 else ""
    parts = ([NO_WORKER] if waits else []) + [warning + more for warning in warnings[:1]]
    parts += [remark] if remark else []
    return " ".join(parts) or None


def _warning(run: dict[str, str]) -> str:
    """Return why the run's checkpoint or model could not be stored; "" if they were."""
    return " ".join(run[field] for field in ("checkpoint_warning", "model_warning") if field in run)


def _pairs(flat: list[str]) -> dict[str, str]:
    """Return the dict of a hash that a script returned as a flat list of fields and values."""
    return dict(zip(flat[::2], flat[1::2], strict=True))


def _time(microseconds: str) -> datetime:
    return EPOCH + timedelta(microseconds=int(microseconds))
