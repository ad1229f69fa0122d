import pytest

from api.plots import epochs
from api.plots.data import Curve, column_count
from api.plots.picture import draw
from api.plots.theme import BEST, CLEAN, KEPT
from noisesweep.models import EpochMetrics, Kept, Run, RunStatus
from tests.support.measured import held_out, measured_sweep
from tests.support.pictures import PNG_MAGIC
from tests.support.records import run_summary, sweep_of
from tests.support.training import invented_metrics

R, Q = RunStatus.RUNNING, RunStatus.QUEUED


def metrics(*val_accuracies: float) -> list[EpochMetrics]:
    return [
        EpochMetrics(epoch=epoch, loss=1, accuracy=value / 2, val_loss=1, val_accuracy=value, seconds=1)
        for epoch, value in enumerate(val_accuracies)
    ]


def means(curve: Curve) -> list[float]:
    return [point.mean for point in curve.points]


def test_mean_is_over_seeds_that_finished_the_epoch() -> None:
    sweep = measured_sweep({1.0: 0.5, 0.0: 0.9}, {1.0: R, 0.0: Q})
    data = epochs.of_sweep(sweep, [metrics(0.2, 0.4), metrics(0.8, 0.9), metrics(0.4), []])
    assert [panel.title for panel in data.panels] == ["clean", "scale 1"]
    clean, noisy = ([means(curve) for curve in panel.curves] for panel in data.panels)
    assert clean[1] == pytest.approx((0.8, 0.9))
    assert noisy[1] == pytest.approx((0.3, 0.4))
    assert noisy[0] == pytest.approx((0.15, 0.2))
    assert (data.panels[1].curves[2].style, noisy[2]) == (CLEAN, clean[1])
    assert [point.seeds for point in data.panels[1].curves[1].points] == [2, 1]
    assert data.epochs_done == (2, 2, 1, 0)
    assert data.caption.notes == (
        "Mean of the seeds that have finished each epoch.",
        "2 of 4 runs succeeded: 1 queued, 1 running.",
    )


def test_queued_sweep_has_a_panel_for_each_scale() -> None:
    data = epochs.of_sweep(measured_sweep({0.1: Q, 0.5: Q}), [[], []])
    assert [[means(curve) for curve in panel.curves] for panel in data.panels] == [[[], []], [[], []]]
    assert draw(data).startswith(PNG_MAGIC)


@pytest.mark.parametrize("count", range(1, 65))
def test_columns_do_not_exceed_panels(count: int) -> None:
    columns = column_count(count)
    assert 1 <= columns <= min(count, 10)


def test_note_shows_progress_of_an_unfinished_run() -> None:
    sweep = sweep_of([run_summary(0, 0.5, R)])
    run = Run(
        **sweep.runs[0].model_dump(),
        sweep_id=sweep.id,
        sweep_version=1,
        config=sweep.config,
        status_detail=None,
        epochs=[invented_metrics(0, 0.5)],
        evaluation=None,
    )
    data = epochs.of_run(run)
    assert data.caption.notes == ("Running: 1 of 20 epochs.",)
    assert data.caption.title == "Training at Noise Scale 0.5"
    assert draw(data).startswith(PNG_MAGIC)


def test_epoch_with_the_smallest_loss_and_the_reported_epoch_are_marked() -> None:
    losses = (1.0, 0.5, 0.7)
    trained = [
        at.model_copy(update={"val_loss": loss}) for at, loss in zip(metrics(0.2, 0.4, 0.5), losses, strict=True)
    ]
    sweep = measured_sweep({1.0: 0.5, 2.0: Q})
    first, second = epochs.of_sweep(sweep, [trained, []]).panels
    assert [(mark.style, mark.points) for mark in first.marks] == [(BEST, ((1, 0.4),)), (KEPT, ((2, 0.5),))]
    assert first.notes == ("Cross: smallest validation loss.", "Star: the epoch that is reported.")
    assert second.marks == ()
    kept = held_out(sweep, 0.3)
    kept.runs[0].kept = Kept(metrics=trained[1], test_loss=1.0, test_accuracy=0.3)
    assert [mark.points for mark in epochs.of_sweep(kept, [trained, []]).panels[0].marks] == [((1, 0.4),)] * 2
