import io

import numpy as np
import pytest
from PIL import Image, ImageColor

from api.plots.accuracy import curve, draw
from api.plots.png import TRAINING, VALIDATION
from shared.models import EpochMetrics, RunStatus, Sweep
from tests.samples import run_summary, sweep_of

S, F, Q, R = RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.QUEUED, RunStatus.RUNNING


def sweep(scales: list[float], seeds: list[int], statuses: list[RunStatus], figures: list[float]) -> Sweep:
    grid = [(scale, seed) for seed in seeds for scale in scales]
    runs = []
    for index, ((scale, seed), status, figure) in enumerate(zip(grid, statuses, figures, strict=True)):
        metrics = EpochMetrics(epoch=19, loss=0, accuracy=figure, val_loss=0, val_accuracy=figure / 2, seconds=1)
        runs.append(run_summary(index, scale, status, seed=seed, metrics=metrics))
    return sweep_of(runs)


def test_the_points_are_the_last_epochs_by_ascending_scale() -> None:
    data = curve(sweep([4.0, 0.1], [0], [S, S], [0.6, 0.9]))
    assert (data.scales, data.accuracy, data.val_accuracy) == ((0.1, 4.0), (0.9, 0.6), (0.45, 0.3))
    assert data.remark is None


def test_runs_that_have_not_succeeded_are_no_points_but_are_told_of() -> None:
    data = curve(sweep([0.1, 0.5, 1.0, 2.0], [0], [S, R, Q, F], [0.9, 0.8, 0.7, 0.6]))
    assert data.scales == (0.1,)
    assert data.all_scales == (0.1, 0.5, 1.0, 2.0)
    assert data.remark == "1 of 4 runs succeeded: 1 queued, 1 running, 1 failed"


def test_before_any_run_has_succeeded_there_is_a_line_saying_what_is_to_come() -> None:
    data = curve(sweep([0.1, 0.5], [0], [R, Q], [0.9, 0.8]))
    assert data.scales == ()
    assert data.remark == "No run has succeeded: 1 queued, 1 running"


def test_several_seeds_are_drawn_as_their_mean_and_said_to_be() -> None:
    data = curve(sweep([0.1, 0.5], [0, 1], [S, S, S, F], [0.8, 0.6, 0.9, 0.1]))
    assert data.accuracy == pytest.approx((0.85, 0.6))
    assert "mean of 2 seeds" in data.caption


def test_the_caption_names_what_was_trained_and_where_to_find_it() -> None:
    caption = curve(sweep([0.1], [7], [S], [0.9])).caption
    for part in ("mnist", "20 epochs", "batch size 128", "float32", "seed 7", "0123456789abcdef"):
        assert part in caption


def test_the_paper_is_white_and_the_lines_keep_their_colours() -> None:
    picture = Image.open(io.BytesIO(draw(curve(sweep([0.1, 0.5], [0], [S, S], [0.9, 0.8]))))).convert("RGB")
    assert picture.size == (1200, 825)
    assert picture.getpixel((0, 0)) == (255, 255, 255)
    colours = np.unique(np.asarray(picture, int).reshape(-1, 3), axis=0)
    for line in (TRAINING, VALIDATION):
        assert abs(colours - ImageColor.getrgb(line["color"])[:3]).sum(axis=1).min() <= 6


def test_a_picture_that_was_drawn_is_not_drawn_again() -> None:
    first, second = (draw(curve(sweep([0.1, 0.5], [0], [S, S], [0.9, 0.8]))) for _ in range(2))
    assert first is second
    assert draw(curve(sweep([0.1, 0.5], [0], [S, S], [0.9, 0.7]))) != first
