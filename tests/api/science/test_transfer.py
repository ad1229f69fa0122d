"""Tables of training noise and test noise from several sweeps."""

import pytest

from api.plots.options import FileFormat, PlotOptions
from api.plots.picture import draw
from api.plots.transfer import plot_data
from api.science.comparison import NotComparableError
from api.science.transfer import transfer
from noisesweep.models import Evaluation, NoiseKind, OtherNoise, RunStatus, Sweep, TrainingConfig
from tests.support.measured import measured_sweep

GAUSSIAN, SHOT = NoiseKind.GAUSSIAN, NoiseKind.SHOT
# Accuracies by scale. Half-way between 0.9 and chance is 0.5: at scale 1 for Gaussian noise, at 0.5 for shot noise.
ACCURACIES = {GAUSSIAN: {0.0: 0.9, 1.0: 0.5, 2.0: 0.3}, SHOT: {0.0: 0.9, 0.5: 0.5, 2.0: 0.4}}


def sweep(kind: NoiseKind, number: int, **fields: object) -> Sweep:
    config = TrainingConfig.model_validate({"noise": kind, **fields})
    measured = measured_sweep(ACCURACIES[kind], config=config)
    return measured.model_copy(update={"id": f"{number:016x}"})


def evaluations(of_sweep: Sweep, **tests: float) -> list[Evaluation | None]:
    """Return evaluations at the scales of the sweep, with the same accuracies of other kinds at scale 1 or 0.5."""
    own = ACCURACIES[of_sweep.config.noise]
    others = [
        OtherNoise(noise=NoiseKind(kind), scale=1.0 if kind == GAUSSIAN else 0.5, val_accuracy=accuracy)
        for kind, accuracy in tests.items()
    ]
    evaluation = Evaluation(test_scales=list(own), val_accuracy=list(own.values()), confusion=[[1]], other_noise=others)
    return [evaluation] * len(of_sweep.runs)


def test_cells_are_the_accuracies_at_the_half_way_scales() -> None:
    sweeps = [sweep(GAUSSIAN, 1, test_noise={SHOT: [0.5]}), sweep(SHOT, 2, test_noise={GAUSSIAN: [1.0]})]
    found = transfer(sweeps, [evaluations(sweeps[0], shot=0.2), evaluations(sweeps[1], gaussian=0.45)])
    assert [(row.noise, row.scale) for row in found.rows] == [(GAUSSIAN, 1.0), (SHOT, 0.5)]
    means = [[cell and cell.mean for cell in row.val_accuracy] for row in found.rows]
    assert means == [[0.5, 0.2], [0.45, 0.5]]
    assert found.sentence == (
        "The largest measured loss: networks trained on Gaussian noise at scale 1 classify 20.0 % of the images with "
        "shot noise at scale 0.5, and those trained on it 50.0 %; the smallest measured loss: networks trained on shot "
        "noise at scale 0.5 classify 45.0 % of the images with Gaussian noise at scale 1, and those trained on it "
        "50.0 % (one seed, 10,000 images)."
    )
    assert found.remarks == []


def test_default_scale_is_the_one_that_the_others_were_tested_with() -> None:
    flat = measured_sweep({0.0: 0.9, 1.0: 0.89, 2.0: 0.88}, config=TrainingConfig(test_noise={SHOT: [0.5, 2.0]}))
    other = sweep(SHOT, 2, test_noise={GAUSSIAN: [2.0, 3.0]})
    evaluated = evaluations(sweep(GAUSSIAN, 1))
    found = transfer([flat, other], [evaluated, evaluations(other)])
    assert [row.scale for row in found.rows] == [2.0, 0.5]  # of 0.5 and 2, 0.5 is the half-way scale


def test_noise_that_was_not_tested_is_named() -> None:
    sweeps = [sweep(GAUSSIAN, 1), sweep(SHOT, 2, dropout=0.5)]
    found = transfer(sweeps, [evaluations(each) for each in sweeps], [2.0, 2.0])
    assert [[cell is None for cell in row.val_accuracy] for row in found.rows] == [[False, True], [True, False]]
    assert found.sentence == "No network was tested with the noise of another sweep."
    also, first, second = found.remarks
    assert "also differ in dropout" in also
    assert "0000000000000001 was not tested with shot noise at scale 2" in first
    assert "0000000000000002 was not tested with Gaussian noise at scale 2" in second


def test_sweep_may_be_repeated_with_another_scale() -> None:
    one = sweep(GAUSSIAN, 1)
    found = transfer([one, one], [evaluations(one)] * 2, [1.0, 2.0])
    assert [[cell and cell.mean for cell in row.val_accuracy] for row in found.rows] == [[0.5, 0.3], [0.5, 0.3]]


def test_unfinished_runs_are_left_out() -> None:
    sweeps = [sweep(GAUSSIAN, 1), sweep(SHOT, 2)]
    queued = [run.model_copy(update={"status": RunStatus.QUEUED}) for run in sweeps[1].runs]
    sweeps[1] = sweeps[1].model_copy(update={"runs": queued})
    found = transfer(sweeps, [evaluations(sweeps[0]), [None] * 3], [1.0, 0.5])
    assert found.rows[1].val_accuracy == [None, None]
    assert found.remarks[1] == "Sweep 0000000000000002 has no succeeded run at scale 0.5."


def test_sweep_without_the_scale_is_refused() -> None:
    sweeps = [sweep(GAUSSIAN, 1), sweep(SHOT, 2)]
    both = [evaluations(each) for each in sweeps]
    with pytest.raises(NotComparableError, match=r"0000000000000002 has no run at scale 1\. Its scales: 0, 0\.5, 2"):
        transfer(sweeps, both, [1.0, 1.0])
    with pytest.raises(NotComparableError, match="expected 2, received 1"):
        transfer(sweeps, both, [1.0])
    flat = measured_sweep({0.0: 0.9, 1.0: 0.89}, config=TrainingConfig())
    with pytest.raises(NotComparableError, match="has no half-way scale"):
        transfer([flat, sweeps[1]], [[None] * 2, both[1]])
    with pytest.raises(NotComparableError, match="different data sets: digits, mnist"):
        transfer([sweep(GAUSSIAN, 3, dataset="digits"), sweeps[1]], both, [1.0, 0.5])


@pytest.mark.parametrize("file_format", [FileFormat.PNG, FileFormat.SVG, FileFormat.PDF])
def test_table_can_be_drawn(file_format: FileFormat) -> None:
    sweeps = [sweep(GAUSSIAN, 1), sweep(SHOT, 2)]
    data = plot_data(sweeps, transfer(sweeps, [evaluations(each) for each in sweeps]))
    assert data.panels[0].cells
    assert data.panels[0].cells.outlined == (0, 1)
    assert "Hatched: not tested." in data.caption.notes
    assert draw(data, PlotOptions(file_format=file_format))
