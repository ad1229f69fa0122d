"""Tests that a data set is loaded once on first use, and that failed loads are cached for a limited time."""

import asyncio
from pathlib import Path

import pytest

from api.datasets.cache import DatasetCache
from noisesweep.models import DatasetFacts
from shared import datasets
from shared.datasets import CATALOGUE, Dataset, DatasetName
from shared.errors import DatasetUnavailableError
from tests.support.dataset_files import hide_data_sets, shrink_catalogue, write_archive


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Dataset]:
    hide_data_sets(tmp_path, monkeypatch)
    return shrink_catalogue(monkeypatch)


class CountedLoad:
    """Load function that records the names of the data sets."""

    def __init__(self) -> None:
        self.names: list[DatasetName] = []

    def __call__(self, name: DatasetName, data_dir: Path | None) -> Dataset:
        self.names.append(name)
        return datasets.load(name, data_dir)


async def no_added_data(facts: DatasetFacts) -> Dataset:
    raise AssertionError(f"These tests have no data set {facts.name}.")


@pytest.fixture
def load() -> CountedLoad:
    return CountedLoad()


def test_concurrent_calls_share_one_load(load: CountedLoad) -> None:
    async def read() -> list[Dataset]:
        cache = DatasetCache(None, no_added_data, load=load)
        return await asyncio.gather(*(cache.get(CATALOGUE[DatasetName.DIGITS]) for _ in range(5)))

    loaded = asyncio.run(read())
    assert all(dataset is loaded[0] for dataset in loaded)
    assert load.names == [DatasetName.DIGITS]


def test_only_the_last_used_data_sets_are_cached(tmp_path: Path, small: dict[str, Dataset], load: CountedLoad) -> None:
    mnist, fashion, digits = DatasetName.MNIST, DatasetName.FASHION_MNIST, DatasetName.DIGITS
    size = datasets.load(digits, None).training_images.nbytes + datasets.load(digits, None).validation_images.nbytes
    max_bytes = size + small[mnist].training_images.nbytes * 2
    for name, dataset in small.items():
        write_archive(tmp_path / f"{name}.npz", dataset)

    async def read(*names: DatasetName) -> None:
        cache = DatasetCache(tmp_path, no_added_data, load=load, max_bytes=max_bytes)
        for name in names:
            assert (await cache.get(CATALOGUE[name])).name == name

    asyncio.run(read(mnist, fashion, mnist, digits, mnist, digits, fashion))
    assert load.names == [mnist, fashion, digits, fashion]


def test_failed_load_is_retried_after_a_pause(
    tmp_path: Path,
    small: dict[str, Dataset],
    load: CountedLoad,
) -> None:
    async def read() -> None:
        cache = DatasetCache(tmp_path, no_added_data, failure_seconds=0.3, load=load)
        with pytest.raises(DatasetUnavailableError, match="MNIST was not found"):
            await cache.get(CATALOGUE[DatasetName.MNIST])
        write_archive(tmp_path / "mnist.npz", small[DatasetName.MNIST])
        with pytest.raises(DatasetUnavailableError, match="MNIST was not found"):
            await cache.get(CATALOGUE[DatasetName.MNIST])
        assert len(load.names) == 1
        await asyncio.sleep(0.4)
        assert (await cache.get(CATALOGUE[DatasetName.MNIST])).source == str(tmp_path / "mnist.npz")

    asyncio.run(read())
    assert len(load.names) == 2
