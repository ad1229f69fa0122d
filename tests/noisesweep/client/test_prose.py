from datetime import UTC, datetime

import pytest

from noisesweep.client.prose import duration, in_words, label, progress_of
from noisesweep.models import RunStatus
from tests.support.records import SWEEP_ID, run_summary, sweep_of
from tests.support.training import invented_metrics

QUEUED = run_summary(0, 0.5, RunStatus.QUEUED)
RUNNING = run_summary(1, 1.0, RunStatus.RUNNING, seed=3, metrics=invented_metrics(0, 0.0))


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0:00"), (59.4, "0:59"), (59.6, "1:00"), (3599, "59:59"), (3600, "1:00:00"), (90061, "25:01:01")],
)
def test_durations_read_as_on_a_clock(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def test_a_sweep_is_one_line() -> None:
    sweep = sweep_of([QUEUED, RUNNING], epochs=20).model_copy(update={"name": "week 3"})
    assert in_words(sweep) == f"sweep {SWEEP_ID}: running, 2 of 40 epochs; mnist at scale 0.5 1, 2 seeds (week 3)"


def test_a_run_tells_how_far_it_is_and_how_long_it_takes() -> None:
    assert progress_of(QUEUED, 20) == "waiting for a worker"
    assert progress_of(RUNNING, 21) == "epoch 1/21  accuracy 1.0000  val_accuracy 1.0000  0:30 left"
    ended = RUNNING.model_copy(update={"status": RunStatus.SUCCEEDED, "ended_at": datetime.now(UTC)})
    assert progress_of(ended, 1).endswith("succeeded")
    assert progress_of(ended.model_copy(update={"reused_from": f"{SWEEP_ID}-0"}), 1).endswith("reused")


def test_runs_are_told_apart_by_their_seed_only_where_there_are_several() -> None:
    assert label(QUEUED, sweep_of([QUEUED])).strip() == "scale 0.5"
    assert label(RUNNING, sweep_of([QUEUED, RUNNING])) == "scale 1    seed 3"
