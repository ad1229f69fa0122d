from noisesweep.models import TrainingConfig
from shared.datasets import CATALOGUE
from shared.fingerprint import fingerprint
from shared.numerics import NUMERICS

CONFIG = TrainingConfig()
# A different value for each field of the config.
OTHERS = {
    "dataset": "digits",
    "own_dataset": CATALOGUE["digits"].facts,
    "epochs": 21,
    "batch_size": 64,
    "model": {"kind": "cnn"},
    "dropout": 0.1,
    "learning_rate": 0.01,
    "precision": "mixed_bfloat16",
    "noise": "shot",
    "test_noise": {"shot": [1.0]},
    "noise_on": "train",
    "clip": True,
    "resample": True,
    "holdout": 1000,
}
# Values that are valid only with a holdout.
WITH_HOLDOUT = {"keep": "best", "patience": 3}


def test_equal_runs_have_equal_fingerprints() -> None:
    assert fingerprint(CONFIG, 0.5, 0) == fingerprint(TrainingConfig.model_validate({"epochs": 20}), 0.5, 0)


def test_every_config_field_changes_the_fingerprint() -> None:
    assert OTHERS.keys() | WITH_HOLDOUT.keys() == TrainingConfig.model_fields.keys()
    others = [{name: value} for name, value in OTHERS.items()]
    others += [{"holdout": 1000, name: value} for name, value in WITH_HOLDOUT.items()]
    prints = {fingerprint(TrainingConfig.model_validate(fields), 0.5, 0) for fields in others}
    assert len(prints | {fingerprint(CONFIG, 0.5, 0)}) == len(others) + 1


def test_scale_seed_and_numerics_change_the_fingerprint() -> None:
    prints = [fingerprint(CONFIG, 0.5, 0), fingerprint(CONFIG, 0.25, 0), fingerprint(CONFIG, 0.5, 1)]
    prints.append(fingerprint(CONFIG, 0.5, 0, numerics=NUMERICS + 1))
    assert len(set(prints)) == 4
