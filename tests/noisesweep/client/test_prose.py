from datetime import UTC, datetime

import pytest

from noisesweep.client.prose import describe_progress, describe_sweep, format_duration, run_label
from noisesweep.models import RunStatus
from tests.support.records import SWEEP_ID, run_summary, sweep_of
from tests.support.training import invented_metrics

QUEUED = run_summary(0, 0.5, RunStatus.QUEUED)
RUNNING = run_summary(1, 1.0, RunStatus.RUNNING, seed=3, metrics=invented_metrics(0, 0.0))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00"), (59.4, "0:59"), (59.6, "1:00"), (3599, "59:59"), (3600, "1:00:00"), (90061, "25:01:01")],
)
def test_durations_are_formatted_like_a_clock(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


def test_sweep_is_described_in_one_line() -> None:
    sweep = sweep_of([QUEUED, RUNNING], epochs=20).model_copy(update={"name": "week 3"})
    assert describe_sweep(sweep) == f"sweep {SWEEP_ID}: running, 2 of 40 epochs; mnist at scale 0.5 1, 2 seeds (week 3)"


def test_progress_shows_epoch_accuracy_and_remaining_time() -> None:
    assert describe_progress(QUEUED, 20) == "waiting for a worker"
    assert describe_progress(RUNNING, 21) == "epoch 1/21  accuracy 1.0000  val_accuracy 1.0000  0:30 left"
    ended = RUNNING.model_copy(update={"status": RunStatus.SUCCEEDED, "ended_at": datetime.now(UTC)})
    assert describe_progress(ended, 1).endswith("succeeded")
    assert describe_progress(ended.model_copy(update={"reused_from": f"{SWEEP_ID}-0"}), 1).endswith("reused")


def test_run_labels_name_the_seed_only_if_there_are_several() -> None:
    assert run_label(QUEUED, sweep_of([QUEUED])).strip() == "scale 0.5"
    assert run_label(RUNNING, sweep_of([QUEUED, RUNNING])) == "scale 1    seed 3"
