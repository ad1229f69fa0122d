import pytest

from api.plots import epochs, epochs_by_scale
from api.plots.epochs_by_scale import columns_of, panels
from noisesweep.models import EpochMetrics, Run, RunStatus
from tests.support.measured import measured
from tests.support.pictures import PNG_MAGIC
from tests.support.records import run_summary, sweep_of
from tests.support.training import invented_metrics

R, Q = RunStatus.RUNNING, RunStatus.QUEUED


def metrics(*val_accuracies: float) -> list[EpochMetrics]:
    return [
        EpochMetrics(epoch=epoch, loss=1, accuracy=value / 2, val_loss=1, val_accuracy=value, seconds=1)
        for epoch, value in enumerate(val_accuracies)
    ]


def test_each_scale_has_the_mean_of_the_seeds_that_have_come_to_an_epoch() -> None:
    sweep = measured({1.0: 0.5, 0.0: 0.9}, {1.0: R, 0.0: Q})
    data = panels(sweep, [metrics(0.2, 0.4), metrics(0.8, 0.9), metrics(0.4), []])
    assert [curves.scale for curves in data.curves] == [0, 1]
    clean, noisy = data.curves
    assert clean.val_accuracy == pytest.approx((0.8, 0.9))
    assert noisy.val_accuracy == pytest.approx((0.3, 0.4))
    assert noisy.accuracy == pytest.approx((0.15, 0.2))
    assert data.imprint.notes == (
        "Mean of the seeds that have come to each epoch.",
        "2 of 4 runs succeeded: 1 queued, 1 running.",
    )


def test_a_sweep_that_has_not_begun_has_axes_for_all_its_scales() -> None:
    data = panels(measured({0.1: Q, 0.5: Q}), [[], []])
    assert [curves.val_accuracy for curves in data.curves] == [(), ()]
    assert epochs_by_scale.draw(data).startswith(PNG_MAGIC)


@pytest.mark.parametrize("count", range(1, 65))
def test_panels_stand_in_no_more_columns_than_there_are(count: int) -> None:
    columns = columns_of(count)
    assert 1 <= columns <= min(count, 10)


def test_a_run_that_has_not_succeeded_says_how_far_it_is() -> None:
    sweep = sweep_of([run_summary(0, 0.5, R)])
    run = Run(
        **sweep.runs[0].model_dump(exclude={"links"}),
        sweep_id=sweep.id,
        sweep_version=1,
        config=sweep.config,
        status_detail=None,
        epochs=[invented_metrics(0, 0.5)],
        evaluation=None,
    )
    data = epochs.curves(run)
    assert data.imprint.notes == ("Running: 1 of 20 epochs.",)
    assert data.imprint.title == "Training at Noise Scale 0.5"
    assert epochs.draw(data).startswith(PNG_MAGIC)
