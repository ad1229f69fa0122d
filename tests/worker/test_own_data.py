"""Training on data sets that clients have added: from the store, and from the cache on the disk."""

import os
from pathlib import Path

import numpy as np
import pytest
from redis import Redis

from noisesweep.models import SweepRequest
from shared import datasets
from shared.datasets import DatasetName
from shared.errors import DatasetUnavailableError
from shared.settings import Settings
from shared.store.keys import dataset_pieces
from tests.support.added_data import add_dataset, arrays_of
from tests.support.networks import cnn, mlp
from tests.support.own_data import bars
from tests.support.stored_sweeps import Sweeps
from tests.support.trainer import Trainer
from worker import limits
from worker.leases import Leases
from worker.own_data import MAX_CACHED, OwnData
from worker.trainer.stack_cache import StackCache


@pytest.fixture
def own_trainer(sweeps: Sweeps, leases: Leases, settings: Settings, tmp_path: Path) -> Trainer:
    load = OwnData(leases, tmp_path).load
    return Trainer(sweeps, leases, settings, StackCache(settings, load, xla=bool(settings.xla)))


@pytest.mark.parametrize("network", [mlp(16), cnn([4], kernel_size=3, dense_units=[8])], ids=["mlp", "cnn"])
def test_a_network_learns_images_of_another_shape_and_number_of_classes(
    own_trainer: Trainer, settings: Settings, network: object
) -> None:
    facts = add_dataset(settings, "bars", bars(classes=3, shape=(12, 17)))
    request = SweepRequest.model_validate(
        {"scales": [0.1], "dataset": "bars", "own_dataset": facts, "epochs": 4, "batch_size": 16, "model": network}
    )
    claim = own_trainer.create_claim(request)
    own_trainer.train(claim)
    run = own_trainer.sweeps.run(claim.sweep_id, 0)
    assert run["outcome"] == "succeeded", run
    assert own_trainer.metrics(claim.sweep_id, 0)[-1]["val_accuracy"] > 0.9
    confusion = np.array(own_trainer.sweeps.evaluation(claim.sweep_id, 0).confusion)
    assert confusion.shape == (3, 3)
    assert confusion.sum(axis=1).tolist() == facts.validation_counts


def test_a_built_in_data_set_that_was_uploaded_gives_its_bits(own_trainer: Trainer, settings: Settings) -> None:
    facts = add_dataset(settings, "mine", arrays_of(datasets.load(DatasetName.DIGITS, None)))
    fields = {"scales": [0.5], "epochs": 1, "hidden_units": [16]}
    built_in = SweepRequest.model_validate({**fields, "dataset": "digits"})
    own = SweepRequest.model_validate({**fields, "dataset": "mine", "own_dataset": facts})
    assert own_trainer.train_uninterrupted(own) == own_trainer.train_uninterrupted(built_in)


def test_workers_with_separate_caches_read_the_store_once_each(
    leases: Leases, settings: Settings, redis: Redis, tmp_path: Path
) -> None:
    large = bars(training=12_000)
    facts = add_dataset(settings, "bars", large)
    first, second = (OwnData(leases, tmp_path / name) for name in ("first", "second"))
    assert first.load(facts).source == second.load(facts).source == "the store"
    assert redis.llen(dataset_pieces(facts.sha256)) > 1
    redis.delete(dataset_pieces(facts.sha256))
    for cache in (first, second):
        again = cache.load(facts)
        assert again.source.endswith(facts.sha256)
        np.testing.assert_array_equal(again.training_images, large["x_train"])
    with pytest.raises(DatasetUnavailableError, match="The store does not have the data set bars"):
        OwnData(leases, tmp_path / "third").load(facts)


def test_a_damaged_cache_is_replaced(leases: Leases, settings: Settings, tmp_path: Path) -> None:
    facts = add_dataset(settings, "bars", bars())
    cache = OwnData(leases, tmp_path)
    cache.load(facts)
    (tmp_path / facts.sha256).write_bytes(b"damaged")
    assert cache.load(facts).source == "the store"
    assert cache.load(facts).source.endswith(facts.sha256)


def test_the_cache_keeps_the_data_sets_that_were_used_last(
    leases: Leases, settings: Settings, redis: Redis, tmp_path: Path
) -> None:
    for age in range(MAX_CACHED + 3):
        old = tmp_path / f"old-{age}"
        old.write_bytes(b"")
        os.utime(old, (1_000_000 - age, 1_000_000 - age))
    facts = add_dataset(settings, "bars", bars())
    OwnData(leases, tmp_path).load(facts)
    kept = {path.name for path in tmp_path.iterdir()}
    assert kept == {facts.sha256, *(f"old-{age}" for age in range(MAX_CACHED - 1))}


def test_images_that_do_not_fit_into_the_memory_fail_with_the_reason(
    own_trainer: Trainer, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = add_dataset(settings, "bars", bars())
    monkeypatch.setattr(limits, "free_memory", lambda: 6 * 300 * 12 * 17 - 1)
    claim = own_trainer.create_claim(SweepRequest(scales=[0.1], epochs=1, dataset="bars", own_dataset=facts))
    own_trainer.train(claim)
    run = own_trainer.sweeps.run(claim.sweep_id, 0)
    assert run["error_code"] == "not_enough_memory"
    assert "The images of bars and their noise need 0.0 GB of memory" in run["error_message"]
