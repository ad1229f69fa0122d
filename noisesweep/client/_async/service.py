"""Client of a service."""

import uuid
from collections.abc import AsyncIterator, Iterable, Sequence
from math import inf
from pathlib import Path
from typing import Self, Unpack
from urllib.parse import quote

import httpx

from noisesweep.client._async.administration import AsyncAdministration
from noisesweep.client._async.handle import AsyncSweepHandle, path_of
from noisesweep.client._async.session import AsyncSession
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


class AsyncNoiseSweep(AsyncAdministration):
    """Asynchronous client of a noisesweep service.

    The client retries failed requests within `timeout`. A retried submission never creates a second sweep. All
    methods raise the errors of noisesweep/client/errors.py.

    Args:
        url: URL of the service. Default: NOISESWEEP_URL if set, otherwise http://127.0.0.1:8000.
        key: API key, if the service requires one. Default: NOISESWEEP_API_KEY.
        timeout: Time limit for a request in seconds, retries included. `follow` gives up if the service is
            unreachable for this time.

    Example:
        async with AsyncNoiseSweep() as service:
            sweep = await service.submit(scales=[0.1, 0.5, 1.0, 2.0, 4.0], repeats=3)
            async for event in sweep.follow():
                print(event.type, event.run_id)
            await sweep.plot("accuracy.png")
    """

    def __init__(self, url: str | None = None, key: str | None = None, *, timeout: float = 30.0) -> None:
        self._connection = Connection.resolve(url, key)
        self._session = AsyncSession(self._connection, timeout)

    @property
    def url(self) -> str:
        """Return the URL of the service."""
        return self._connection.url

    async def submit(self, *, scales: Iterable[float], **fields: Unpack[SweepFields]) -> AsyncSweepHandle:
        """Submit a sweep, which trains one network per scale and seed. The method returns before the training ends.

        See noisesweep.models.SweepRequest for the fields.
        """
        # With this key, the service answers a retry with the sweep that the first request created.
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        record = await self._session.post(Sweep, "/sweeps", {"scales": scales, **fields}, headers=headers)
        return AsyncSweepHandle(record, self._session)

    async def estimate(self, *, scales: Iterable[float], **fields: Unpack[SweepFields]) -> Estimate:
        """Estimate the cost of a sweep without submitting it."""
        return await self._session.post(Estimate, "/sweeps", {"scales": scales, **fields}, query={"dry_run": True})

    async def sweep(self, sweep_id: str) -> AsyncSweepHandle:
        """Read the sweep with this id."""
        return AsyncSweepHandle(await self._session.get(Sweep, path_of(sweep_id)), self._session)

    async def sweeps(self, **filters: Unpack[Filters]) -> AsyncIterator[AsyncSweepHandle]:
        """Yield all matching sweeps, newest first. The pages are read on demand."""
        page = await self._session.get(SweepList, "/sweeps", list_query(filters, PAGE_SIZE))
        while True:
            for record in page.sweeps:
                yield AsyncSweepHandle(record, self._session)
            if page.next is None:
                return
            # The path of the link may contain a path of a proxy that the URL of the service contains, too.
            page = await self._session.get(SweepList, "/sweeps", httpx.URL(page.next).params)

    async def run(self, run_id: str) -> Run:
        """Read the run with this id, including its epochs."""
        return await self._session.get(Run, f"/runs/{quote(run_id, safe='')}")

    async def model(self, run_id: str, path: str | Path) -> Path:
        """Save the trained network of a run as a Keras model (.keras) and return its path. It expires after days."""
        return save(path, (await self._session.compute(f"/runs/{quote(run_id, safe='')}/model")).content)

    async def datasets(self) -> list[DatasetInfo]:
        """List the available data sets."""
        return (await self._session.get(DatasetList, "/datasets")).datasets

    async def dataset(self, name: str) -> DatasetInfo:
        """Read the description of a data set."""
        return await self._session.get(DatasetInfo, dataset_path(name))

    async def add_dataset(self, name: str, path: str | Path, *, description: str = "") -> DatasetInfo:
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
        return await self._session.post(DatasetInfo, "/datasets", content, query=query, attempt_seconds=inf)

    async def dataset_plot(self, name: str, path: str | Path, **options: Unpack[PlotOptions]) -> Path:
        """Plot the first images of each class, save the plot (.png, .svg or .pdf) and return its path."""
        query = {"format": image_format(path), **options}
        return save(path, (await self._session.compute(f"{dataset_path(name)}/plot", query)).content)

    async def delete_dataset(self, name: str) -> None:
        """Delete a data set that was added.

        Raises:
            RefusedError: A sweep needs it, or it is built in.
        """
        await self._session.send("DELETE", dataset_path(name))

    async def ideal(self, dataset: str, scales: Sequence[float] = (), *, clip: bool = False) -> DatasetLimit:
        """Read the best possible accuracy on a data set with Gaussian noise, by scale.

        Without scales, read it at all scales of the measured table. With `clip`, noisy pixels are clipped to [0, 1].
        """
        query = httpx.QueryParams({"scales": list(scales), "clip": clip})
        return await self._session.get(DatasetLimit, f"{dataset_path(dataset)}/ideal", query)

    async def workers(self) -> list[Worker]:
        """List the running workers and the workers lost in the last hour."""
        return (await self._session.get(WorkerList, "/workers")).workers

    async def queue(self) -> Queue:
        """Read the state of the queue, and when the queued sweeps of this client's API key are expected to start."""
        return await self._session.get(Queue, "/queue")

    async def compare(
        self, sweeps: Iterable[AsyncSweepHandle | str], path: str | Path, **options: Unpack[PlotOptions]
    ) -> Path:
        """Plot the accuracy curves of 1 to 8 sweeps together, save the plot and return its path.

        The suffix of the path selects the format: .png, .svg or .pdf.
        """
        ids = [sweep if isinstance(sweep, str) else sweep.id for sweep in sweeps]
        query = {"sweep": ids, "format": image_format(path), **options}
        return save(path, (await self._session.compute("/plots/compare", query)).content)

    async def comparison_warnings(self, sweeps: Iterable[AsyncSweepHandle | str]) -> list[str]:
        """Read why the curves of 1 to 8 sweeps cannot be compared as they are, as in their plot; empty if they can.

        The reasons are other data sets or kinds of noise, for example, and sweeps that have not succeeded.
        """
        ids = [sweep if isinstance(sweep, str) else sweep.id for sweep in sweeps]
        response = await self._session.compute("/plots/compare", {"sweep": ids, "format": "json"})
        warnings: list[str] = response.json()["caption"]["warnings"]
        return warnings

    async def transfer(self, sweeps: Iterable[AsyncSweepHandle | str], scales: Iterable[float] = ()) -> Transfer:
        """Read how networks trained on the noise of one sweep classify with the noise of the others, 2 to 8 sweeps.

        Args:
            sweeps: The sweeps.
            scales: The training scale of each sweep. By default the one that the other sweeps are tested with; of
                several, the one nearest to its half-way scale.

        Raises:
            RefusedError: The sweeps have different data sets, or a sweep lacks its scale or a half-way scale.
        """
        return await self._session.get(Transfer, "/transfer", transfer_query(sweeps, scales))

    async def transfer_plot(
        self,
        sweeps: Iterable[AsyncSweepHandle | str],
        path: str | Path,
        scales: Iterable[float] = (),
        **options: Unpack[PlotOptions],
    ) -> Path:
        """Plot the table of `transfer`, save the plot (.png, .svg or .pdf) and return its path."""
        query = transfer_query(sweeps, scales) | {"format": image_format(path), **options}
        return save(path, (await self._session.compute("/plots/transfer", query)).content)

    async def class_results(self, tag: str) -> ClassResults:
        """Read the results of a class, which is all sweeps with one tag: who has finished, and the mean accuracy.

        Args:
            tag: The tag, `key` or `key:value`, for example "course:ml-101".

        Raises:
            RefusedError: The text is not a tag.
        """
        return await self._session.get(ClassResults, "/class", {"tag": tag})

    async def class_plot(self, tag: str, path: str | Path, **options: Unpack[PlotOptions]) -> Path:
        """Plot the sweeps with a tag and their mean, save the plot (.png, .svg or .pdf) and return its path."""
        query = {"tag": tag, "format": image_format(path), **options}
        return save(path, (await self._session.compute("/plots/class", query)).content)

    async def comparison(self, first: AsyncSweepHandle | str, second: AsyncSweepHandle | str) -> Comparison:
        """Compare sweeps A and B in numbers: differences by scale, ratio of scales, areas, and a sentence.

        Raises:
            RefusedError: The sweeps have different data sets, or no run at the same scale with the same seed.
        """
        query = {"sweep": [sweep if isinstance(sweep, str) else sweep.id for sweep in (first, second)]}
        return await self._session.get(Comparison, "/compare", query)

    async def noise_kinds(self, dataset: str = "mnist") -> NoiseKindList:
        """Read the description of each kind of noise, with examples from a data set."""
        response = await self._session.compute("/noise/kinds", {"dataset": dataset})
        return parse(NoiseKindList, response.content, response)

    async def noise(self, **fields: Unpack[NoiseFields]) -> NoiseSamples:
        """Read sample images with and without noise. The noise is the same as in the runs of the seed."""
        response = await self._session.compute("/noise/samples", noise_query(fields))
        return parse(NoiseSamples, response.content, response)

    async def noise_plot(self, path: str | Path, **fields: Unpack[NoiseFields]) -> Path:
        """Plot the sample images of `noise`, save the plot (.png, .svg or .pdf) and return its path."""
        query = noise_query(fields) | {"format": image_format(path)}
        return save(path, (await self._session.compute("/noise/plot", query)).content)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._session.http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} at {self.url}>"
