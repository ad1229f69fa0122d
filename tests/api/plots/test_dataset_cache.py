"""Data sets are loaded when they are first asked for, once, and a failure is remembered for a while."""

import asyncio
from pathlib import Path

import pytest

from api.plots.dataset_cache import CACHED, DatasetCache
from shared import datasets
from shared.datasets import Dataset, DatasetName
from shared.errors import DatasetUnavailableError
from tests.support.dataset_files import hide_data_sets, shrink_catalogue, write_archive


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Dataset]:
    hide_data_sets(tmp_path, monkeypatch)
    return shrink_catalogue(monkeypatch)


class CountedLoad:
    """Loads data sets from this host, and lists the names it was called with."""

    def __init__(self) -> None:
        self.names: list[DatasetName] = []

    def __call__(self, name: DatasetName, data_dir: Path | None) -> Dataset:
        self.names.append(name)
        return datasets.load(name, data_dir)


@pytest.fixture
def load() -> CountedLoad:
    return CountedLoad()


def test_all_who_ask_at_once_get_the_data_set_of_one_load(load: CountedLoad) -> None:
    async def ask() -> list[Dataset]:
        library = DatasetCache(None, load=load)
        return await asyncio.gather(*(library.get(DatasetName.DIGITS) for _ in range(5)))

    answers = asyncio.run(ask())
    assert all(answer is answers[0] for answer in answers)
    assert load.names == [DatasetName.DIGITS]


def test_the_data_sets_asked_for_last_are_kept_and_no_more(
    tmp_path: Path, small: dict[str, Dataset], load: CountedLoad
) -> None:
    mnist, fashion, digits = DatasetName.MNIST, DatasetName.FASHION_MNIST, DatasetName.DIGITS
    for name, dataset in small.items():
        write_archive(tmp_path / f"{name}.npz", dataset)

    async def ask(*names: DatasetName) -> None:
        library = DatasetCache(tmp_path, load=load)
        for name in names:
            assert (await library.get(name)).name is name

    asyncio.run(ask(mnist, fashion, mnist, digits, mnist, digits, fashion))
    assert load.names == [mnist, fashion, digits, fashion]
    assert CACHED == 2


def test_a_data_set_that_is_not_there_is_looked_for_again_only_after_a_while(
    tmp_path: Path,
    small: dict[str, Dataset],
    load: CountedLoad,
) -> None:
    async def ask() -> None:
        library = DatasetCache(tmp_path, failure_seconds=0.3, load=load)
        with pytest.raises(DatasetUnavailableError, match="MNIST was not found"):
            await library.get(DatasetName.MNIST)
        write_archive(tmp_path / "mnist.npz", small[DatasetName.MNIST])
        with pytest.raises(DatasetUnavailableError, match="MNIST was not found"):
            await library.get(DatasetName.MNIST)
        assert len(load.names) == 1
        await asyncio.sleep(0.4)
        assert (await library.get(DatasetName.MNIST)).source == str(tmp_path / "mnist.npz")

    asyncio.run(ask())
    assert len(load.names) == 2
