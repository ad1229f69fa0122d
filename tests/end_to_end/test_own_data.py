"""A data set from upload to picture, with the client, and with workers that have separate caches."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from noisesweep import NoiseSweep, RefusedError
from tests.support.own_data import bars, npz
from tests.support.service import Service
from tests.support.waiting import wait_until


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    service = Service(tmp_path)
    service.api.wait_until_ready()
    yield service
    service.close()


def test_own_data_is_trained_by_workers_that_reach_only_the_store(service: Service, tmp_path: Path) -> None:
    archive = tmp_path / "bars.npz"
    archive.write_bytes(npz(bars(classes=3)))
    caches = [tmp_path / "one", tmp_path / "two"]
    for cache in caches:
        service.start_worker(processes=1, environment={"XDG_CACHE_HOME": str(cache)})
    with NoiseSweep(service.api.url) as client:
        wait_until(lambda: sum(worker.alive for worker in client.workers()) == len(caches))
        info = client.add_dataset("bars", archive, description="Bright bars")
        assert client.dataset("bars") == info
        sweep = client.submit(
            scales=[0.1, 0.5],
            repeats=4,
            dataset="bars",
            epochs=12,
            batch_size=16,
            model={"kind": "cnn", "filters": [4], "kernel_size": 3, "dense_units": [16]},
        )
        sweep.wait()
        assert len({run.worker for run in sweep.record.runs}) == len(caches)
        assert [run.final_metrics.val_accuracy > 0.9 for run in sweep.record.runs if run.final_metrics] == [True] * 8
        for path in (
            sweep.plot(tmp_path / "accuracy.png"),
            sweep.plot(tmp_path / "confusion.png", kind="confusion"),
            client.dataset_plot("bars", tmp_path / "bars.png"),
        ):
            assert Image.open(io.BytesIO(path.read_bytes())).format == "PNG"
        assert [[path.name for path in (cache / "noisesweep" / "added").iterdir()] for cache in caches] == [
            [info.sha256]
        ] * 2
        with pytest.raises(RefusedError, match="1 sweep needs the data set bars"):
            client.delete_dataset("bars")
        sweep.delete()
        client.delete_dataset("bars")
