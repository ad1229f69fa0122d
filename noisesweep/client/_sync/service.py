# Generated from noisesweep/client/_async/service.py by scripts/unasync.py (make generate); do not edit.
"""Client of a service."""

import uuid
from collections.abc import Iterable, Iterator, Sequence
from math import inf
from pathlib import Path
from typing import Self, Unpack
from urllib.parse import quote

import httpx

from noisesweep.client._sync.administration import Administration
from noisesweep.client._sync.handle import SweepHandle, path_of
from noisesweep.client._sync.session import Session
from noisesweep.client.connection import Connection
from noisesweep.client.fields import Filters, NoiseFields, PlotOptions, SweepFields
from noisesweep.client.payloads import (
    dataset_archive,
    dataset_path,
    image_format,
    list_query,
    noise_query,
    parse,
    save,
    transfer_query,
)
from noisesweep.models import (
    ClassResults,
    Comparison,
    DatasetInfo,
    DatasetLimit,
    DatasetList,
    Estimate,
    NoiseKindList,
    NoiseSamples,
    Queue,
    Run,
    Sweep,
    SweepList,
    Transfer,
    Worker,
    WorkerList,
)

PAGE_SIZE = 50


class NoiseSweep(Administration):
    """Synchronous client of a noisesweep service.

    The client retries failed requests within `timeout`. A retried submission never creates a second sweep. All
    methods raise the errors of noisesweep/client/errors.py.

    Args:
        url: URL of the service. Default: NOISESWEEP_URL if set, otherwise http://127.0.0.1:8000.
        key: API key, if the service requires one. Default: NOISESWEEP_API_KEY.
        timeout: Time limit for a request in seconds, retries included. `follow` gives up if the service is
            unreachable for this time.

    Example:
        with NoiseSweep() as service:
            sweep = service.submit(scales=[0.1, 0.5, 1.0, 2.0, 4.0], repeats=3)
            for event in sweep.follow():
                print(event.type, event.run_id)
            sweep.plot("accuracy.png")
    """

    def __init__(self, url: str | None = None, key: str | None = None, *, timeout: float = 30.0) -> None:
        self._connection = Connection.resolve(url, key)
        self._session = Session(self._connection, timeout)

    @property
    def url(self) -> str:
        """Return the URL of the service."""
        return self._connection.url

    def submit(self, *, scales: Iterable[float], **fields: Unpack[SweepFields]) -> SweepHandle:
        """Submit a sweep, which trains one network per scale and seed. The method returns before the training ends.

        See noisesweep.models.SweepRequest for the fields.
        """
        # With this key, the service answers a retry with the sweep that the first request created.
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        record = self._session.post(Sweep, "/sweeps", {"scales": scales, **fields}, headers=headers)
        return SweepHandle(record, self._session)

    def estimate(self, *, scales: Iterable[float], **fields: Unpack[SweepFields]) -> Estimate:
        """Estimate the cost of a sweep without submitting it."""
        return self._session.post(Estimate, "/sweeps", {"scales": scales, **fields}, query={"dry_run": True})

    def sweep(self, sweep_id: str) -> SweepHandle:
        """Read the sweep with this id."""
        return SweepHandle(self._session.get(Sweep, path_of(sweep_id)), self._session)

    def sweeps(self, **filters: Unpack[Filters]) -> Iterator[SweepHandle]:
        """Yield all matching sweeps, newest first. The pages are read on demand."""
        page = self._session.get(SweepList, "/sweeps", list_query(filters, PAGE_SIZE))
        while True:
            for record in page.sweeps:
                yield SweepHandle(record, self._session)
            if page.next is None:
                return
            # The path of the link may contain a path of a proxy that the URL of the service contains, too.
            page = self._session.get(SweepList, "/sweeps", httpx.URL(page.next).params)

    def run(self, run_id: str) -> Run:
        """Read the run with this id, including its epochs."""
        return self._session.get(Run, f"/runs/{quote(run_id, safe='')}")

    def model(self, run_id: str, path: str | Path) -> Path:
        """Save the trained network of a run as a Keras model (.keras) and return its path. It expires after days."""
        return save(path, (self._session.compute(f"/runs/{quote(run_id, safe='')}/model")).content)

    def datasets(self) -> list[DatasetInfo]:
        """List the available data sets."""
        return (self._session.get(DatasetList, "/datasets")).datasets

    def dataset(self, name: str) -> DatasetInfo:
        """Read the description of a data set."""
        return self._session.get(DatasetInfo, dataset_path(name))

    def add_dataset(self, name: str, path: str | Path, *, description: str = "") -> DatasetInfo:
        """Add a data set of your own to the service. Repeating it changes nothing.

        Args:
            name: Its name, for `dataset` in submissions.
            path: An .npz file with the arrays x_train, y_train, x_test and y_test of type uint8, as in Keras's
                mnist.npz, and optionally class_names; or a folder with the four IDX files of MNIST, with their names.
            description: Content, origin and preprocessing of the images.

        Raises:
            RefusedError: The file does not contain a data set, or the name belongs to another one.
        """
        query, content = {"name": name, "description": description}, dataset_archive(path)
        return self._session.post(DatasetInfo, "/datasets", content, query=query, attempt_seconds=inf)

    def dataset_plot(self, name: str, path: str | Path, **options: Unpack[PlotOptions]) -> Path:
        """Plot the first images of each class, save the plot (.png, .svg or .pdf) and return its path."""
        query = {"format": image_format(path), **options}
        return save(path, (self._session.compute(f"{dataset_path(name)}/plot", query)).content)

    def delete_dataset(self, name: str) -> None:
        """Delete a data set that was added.

        Raises:
            RefusedError: A sweep needs it, or it is built in.
        """
        self._session.send("DELETE", dataset_path(name))

    def ideal(self, dataset: str, scales: Sequence[float] = (), *, clip: bool = False) -> DatasetLimit:
        """Read the best possible accuracy on a data set with Gaussian noise, by scale.

        Without scales, read it at all scales of the measured table. With `clip`, noisy pixels are clipped to [0, 1].
        """
        query = httpx.QueryParams({"scales": list(scales), "clip": clip})
        return self._session.get(DatasetLimit, f"{dataset_path(dataset)}/ideal", query)

    def workers(self) -> list[Worker]:
        """List the running workers and the workers lost in the last hour."""
        return (self._session.get(WorkerList, "/workers")).workers

    def queue(self) -> Queue:
        """Read the state of the queue, and when the queued sweeps of this client's API key are expected to start."""
        return self._session.get(Queue, "/queue")

    def compare(self, sweeps: Iterable[SweepHandle | str], path: str | Path, **options: Unpack[PlotOptions]) -> Path:
        """Plot the accuracy curves of 1 to 8 sweeps together, save the plot and return its path.

        The suffix of the path selects the format: .png, .svg or .pdf.
        """
        ids = [sweep if isinstance(sweep, str) else sweep.id for sweep in sweeps]
        query = {"sweep": ids, "format": image_format(path), **options}
        return save(path, (self._session.compute("/plots/compare", query)).content)

    def comparison_warnings(self, sweeps: Iterable[SweepHandle | str]) -> list[str]:
        """Read why the curves of 1 to 8 sweeps cannot be compared as they are, as in their plot; empty if they can.

        The reasons are other data sets or kinds of noise, for example, and sweeps that have not succeeded.
        """
        ids = [sweep if isinstance(sweep, str) else sweep.id for sweep in sweeps]
        response = self._session.compute("/plots/compare", {"sweep": ids, "format": "json"})
        warnings: list[str] = response.json()["caption"]["warnings"]
        return warnings

    def transfer(self, sweeps: Iterable[SweepHandle | str], scales: Iterable[float] = ()) -> Transfer:
        """Read how networks trained on the noise of one sweep classify with the noise of the others, 2 to 8 sweeps.

        Args:
            sweeps: The sweeps.
            scales: The training scale of each sweep. By default the one that the other sweeps are tested with; of
                several, the one nearest to its half-way scale.

        Raises:
            RefusedError: The sweeps have different data sets, or a sweep lacks its scale or a half-way scale.
        """
        return self._session.get(Transfer, "/transfer", transfer_query(sweeps, scales))

    def transfer_plot(
        self,
        sweeps: Iterable[SweepHandle | str],
        path: str | Path,
        scales: Iterable[float] = (),
        **options: Unpack[PlotOptions],
    ) -> Path:
        """Plot the table of `transfer`, save the plot (.png, .svg or .pdf) and return its path."""
        query = transfer_query(sweeps, scales) | {"format": image_format(path), **options}
        return save(path, (self._session.compute("/plots/transfer", query)).content)

    def class_results(self, tag: str) -> ClassResults:
        """Read the results of a class, which is all sweeps with one tag: who has finished, and the mean accuracy.

        Args:
            tag: The tag, `key` or `key:value`, for example "course:ml-101".

        Raises:
            RefusedError: The text is not a tag.
        """
        return self._session.get(ClassResults, "/class", {"tag": tag})

    def class_plot(self, tag: str, path: str | Path, **options: Unpack[PlotOptions]) -> Path:
        """Plot the sweeps with a tag and their mean, save the plot (.png, .svg or .pdf) and return its path."""
        query = {"tag": tag, "format": image_format(path), **options}
        return save(path, (self._session.compute("/plots/class", query)).content)

    def comparison(self, first: SweepHandle | str, second: SweepHandle | str) -> Comparison:
        """Compare sweeps A and B in numbers: differences by scale, ratio of scales, areas, and a sentence.

        Raises:
            RefusedError: The sweeps have different data sets, or no run at the same scale with the same seed.
        """
        query = {"sweep": [sweep if isinstance(sweep, str) else sweep.id for sweep in (first, second)]}
        return self._session.get(Comparison, "/compare", query)

    def noise_kinds(self, dataset: str = "mnist") -> NoiseKindList:
        """Read the description of each kind of noise, with examples from a data set."""
        response = self._session.compute("/noise/kinds", {"dataset": dataset})
        return parse(NoiseKindList, response.content, response)

    def noise(self, **fields: Unpack[NoiseFields]) -> NoiseSamples:
        """Read sample images with and without noise. The noise is the same as in the runs of the seed."""
        response = self._session.compute("/noise/samples", noise_query(fields))
        return parse(NoiseSamples, response.content, response)

    def noise_plot(self, path: str | Path, **fields: Unpack[NoiseFields]) -> Path:
        """Plot the sample images of `noise`, save the plot (.png, .svg or .pdf) and return its path."""
        query = noise_query(fields) | {"format": image_format(path)}
        return save(path, (self._session.compute("/noise/plot", query)).content)

    def close(self) -> None:
        """Close the connections."""
        self._session.http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} at {self.url}>"
