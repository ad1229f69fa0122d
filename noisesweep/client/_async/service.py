"""Client of a service, and handle of a sweep."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Iterable, Sequence
from http import HTTPStatus
from itertools import count
from math import inf
from pathlib import Path
from typing import Any, Self, Unpack
from urllib.parse import quote

import httpx

from noisesweep.client._async.session import AsyncSession
from noisesweep.client.connection import Connection
from noisesweep.client.errors import RefusedError
from noisesweep.client.fields import Filters, NoiseFields, PlotKind, PlotOptions, SweepFields
from noisesweep.client.payloads import image_format, list_query, noise_query, parse, save
from noisesweep.client.prose import describe_sweep, results_table
from noisesweep.models import (
    Comparison,
    DatasetInfo,
    DatasetLimit,
    DatasetList,
    Estimate,
    Event,
    NoiseSamples,
    Queue,
    Results,
    Run,
    RunStatus,
    Summary,
    Sweep,
    SweepList,
    Worker,
    WorkerList,
)

PAGE_SIZE = 50
FIRST_POLL_SECONDS = 0.2
LONGEST_POLL_SECONDS = 2.0


class AsyncNoiseSweep:
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

    async def submit(self, *, scales: Iterable[float], **fields: Unpack[SweepFields]) -> "AsyncSweepHandle":
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

    async def sweep(self, sweep_id: str) -> "AsyncSweepHandle":
        """Read the sweep with this id."""
        return AsyncSweepHandle(await self._session.get(Sweep, _path_of(sweep_id)), self._session)

    async def sweeps(self, **filters: Unpack[Filters]) -> AsyncIterator["AsyncSweepHandle"]:
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

    async def datasets(self) -> list[DatasetInfo]:
        """List the available data sets."""
        return (await self._session.get(DatasetList, "/datasets")).datasets

    async def ideal(self, dataset: str, scales: Sequence[float] = (), *, clip: bool = False) -> DatasetLimit:
        """Read the best possible accuracy on a data set with Gaussian noise, by scale.

        Without scales, read it at all scales of the measured table. With `clip`, noisy pixels are clipped to [0, 1].
        """
        query = httpx.QueryParams({"scales": list(scales), "clip": clip})
        return await self._session.get(DatasetLimit, f"/datasets/{quote(dataset, safe='')}/ideal", query)

    async def workers(self) -> list[Worker]:
        """List the running workers and the workers lost in the last hour."""
        return (await self._session.get(WorkerList, "/workers")).workers

    async def queue(self) -> Queue:
        """Read the queue statistics."""
        return await self._session.get(Queue, "/queue")

    async def compare(
        self, sweeps: Iterable["AsyncSweepHandle | str"], path: str | Path, **options: Unpack[PlotOptions]
    ) -> Path:
        """Plot the accuracy curves of 1 to 8 sweeps together, save the plot and return its path.

        The suffix of the path selects the format: .png, .svg or .pdf.
        """
        ids = [sweep if isinstance(sweep, str) else sweep.id for sweep in sweeps]
        query = {"sweep": ids, "format": image_format(path), **options}
        return save(path, (await self._session.compute("/plots/compare", query)).content)

    async def comparison(self, first: "AsyncSweepHandle | str", second: "AsyncSweepHandle | str") -> Comparison:
        """Compare sweeps A and B in numbers: differences by scale, ratio of scales, areas, and a sentence.

        Raises:
            RefusedError: The sweeps have different data sets, or no run at the same scale with the same seed.
        """
        query = {"sweep": [sweep if isinstance(sweep, str) else sweep.id for sweep in (first, second)]}
        return await self._session.get(Comparison, "/compare", query)

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


class AsyncSweepHandle:
    """Handle of a sweep, to follow, plot and change it. Notebooks display a synchronous handle as its plot.

    Attributes:
        record: State of the sweep when it was last read.
    """

    def __init__(self, record: Sweep, session: AsyncSession) -> None:
        self.record = record
        self._session = session
        self._path = _path_of(record.id)

    @property
    def id(self) -> str:
        """Return the id: 16 hexadecimal digits."""
        return self.record.id

    @property
    def status(self) -> RunStatus:
        """Return the status when the sweep was last read."""
        return self.record.status

    async def refresh(self) -> Self:
        """Update the record from the service."""
        self.record = await self._session.get(Sweep, self._path)
        return self

    async def poll(
        self, within_seconds: float = inf, every_seconds: float = LONGEST_POLL_SECONDS
    ) -> AsyncIterator[Sweep]:
        """Yield the record repeatedly until the sweep has ended or `within_seconds` have passed.

        The interval grows up to `every_seconds`. The service sends the record only if it has changed; otherwise the
        same object is yielded again.
        """
        deadline = time.monotonic() + within_seconds
        record, headers = self.record, dict[str, str]()
        for polled in count():
            response = await self._session.send("GET", self._path, headers=headers, reached=polled > 0)
            if response.status_code != HTTPStatus.NOT_MODIFIED:
                record = parse(Sweep, response.content, response)
                headers = {"If-None-Match": response.headers["ETag"]}
            self.record = record
            yield record
            left = deadline - time.monotonic()
            if record.status.is_final or left <= 0:
                return
            await asyncio.sleep(min(FIRST_POLL_SECONDS * (polled + 1), every_seconds, left))

    async def follow(self) -> AsyncIterator[Event]:
        """Yield all events once and in order, from the first to the last. Reconnect if the connection breaks."""
        async for event in self._session.events(f"{self._path}/events"):
            yield event
        await self.refresh()

    async def wait(self, timeout: float = inf) -> Self:  # noqa: ASYNC109 - same signature in both clients
        """Wait until the sweep has ended.

        Raises:
            TimeoutError: The sweep has not ended after `timeout` seconds. Its training continues.
        """
        async for _ in self.poll(timeout):
            pass
        if not self.status.is_final:
            raise TimeoutError(f"sweep {self.id} is {self.status} after {timeout:g} s and continues on the service")
        return self

    async def results(self) -> Any:  # noqa: ANN401 - a pandas.DataFrame, or a list of dicts without pandas
        """Return the metrics, one row per run and epoch: a pandas.DataFrame, or a list of dicts without pandas."""
        return results_table(await self.typed_results())

    async def typed_results(self) -> Results:
        """Return the same rows as a model, with the statistics by scale and the matrix of training and test scales."""
        response = await self._session.compute(f"{self._path}/results")
        return parse(Results, response.content, response)

    async def csv(self) -> bytes:
        """Return the same rows as CSV."""
        return (await self._session.compute(f"{self._path}/results", {"format": "csv"})).content

    async def summary(self) -> Summary:
        """Return a summary of the accuracy curve, in numbers and in words."""
        return await self._session.get(Summary, f"{self._path}/summary")

    async def plot(self, path: str | Path, kind: PlotKind = "accuracy", **options: Unpack[PlotOptions]) -> Path:
        """Save a plot in the format of the path's suffix (.png, .svg or .pdf) and return the path."""
        query = {"kind": kind, "format": image_format(path), **options}
        return save(path, (await self._session.compute(f"{self._path}/plot", query)).content)

    async def cancel(self) -> Self:
        """Cancel the runs that have not ended. Their stored epochs are kept."""
        return await self._post_action("cancel")

    async def retry(self) -> Self:
        """Queue the failed and cancelled runs again."""
        return await self._post_action("retry")

    async def extend(
        self, *, scales: Iterable[float] = (), seeds: Iterable[int] = (), reuse: bool | None = None
    ) -> Self:
        """Add scales, seeds or both to the grid. Only the new runs are trained."""
        return await self._post_action("runs", {"scales": scales, "seeds": seeds, "reuse": reuse})

    async def with_fresh_noise(self) -> "AsyncSweepHandle":
        """Submit the same sweep with new training noise in every epoch. Repeated, return the same sweep."""
        record = await self._session.post(Sweep, f"{self._path}/fresh-noise")
        return AsyncSweepHandle(record, self._session)

    async def delete(self) -> None:
        """Delete the sweep with its metrics and models. The sweep must have ended."""
        await self.refresh()  # raises RefusedError if the sweep does not exist
        try:
            await self._session.send("DELETE", self._path)
        except RefusedError as refused:
            # A 404 now counts as success: the reply to an earlier attempt may have been lost.
            if refused.problem.status != HTTPStatus.NOT_FOUND:
                raise

    def __repr__(self) -> str:
        return f"<{describe_sweep(self.record)}>"

    async def _async_repr_png_(self) -> bytes:
        return (await self._session.compute(f"{self._path}/plot")).content

    async def _post_action(self, action: str, fields: dict[str, Any] | None = None) -> Self:
        self.record = await self._session.post(Sweep, f"{self._path}/{action}", fields)
        return self


def _path_of(sweep_id: str) -> str:
    return f"/sweeps/{quote(sweep_id, safe='')}"
