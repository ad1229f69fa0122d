"""The client for programs on asyncio: noisesweep/client/service.py with `await`, over the same flows."""

from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self, Unpack

from noisesweep.client.connection import Connection
from noisesweep.client.drivers import AsyncDriver
from noisesweep.client.fields import Filters, Kind, Look, NoiseFields, SweepFields
from noisesweep.client.operations import Operations, format_of, saved
from noisesweep.client.prose import in_words, table_of
from noisesweep.models import (
    DatasetInfo,
    Estimate,
    Event,
    NoiseSamples,
    Queue,
    Results,
    Run,
    RunStatus,
    Summary,
    Sweep,
    Worker,
)


class AsyncNoiseSweep:
    """A noisesweep service, as NoiseSweep has it.

    Example:
        async with AsyncNoiseSweep() as service:
            sweep = await service.submit(scales=[0.1, 0.5, 1.0, 2.0, 4.0], repeats=3)
            async for event in sweep.follow():
                ...
            await sweep.plot("accuracy.png")
    """

    def __init__(self, url: str | None = None, key: str | None = None, *, timeout: float = 30.0) -> None:
        self._connection = Connection.of(url, key)
        self._http = self._connection.async_client()
        self._driver = AsyncDriver(self._http)
        self._operations = Operations(timeout)

    @property
    def url(self) -> str:
        """Where the service is."""
        return self._connection.url

    async def submit(self, *, scales: Iterable[float], **fields: Unpack[SweepFields]) -> "AsyncSweepHandle":
        """Train one network per scale and seed. It returns at once."""
        return self._handle(await self._driver.run(self._operations.submit({"scales": scales, **fields})))

    async def estimate(self, *, scales: Iterable[float], **fields: Unpack[SweepFields]) -> Estimate:
        """What that would cost; nothing is stored."""
        return await self._driver.run(self._operations.estimate({"scales": scales, **fields}))

    async def sweep(self, sweep_id: str) -> "AsyncSweepHandle":
        """The sweep of an id."""
        return self._handle(await self._driver.run(self._operations.sweep(sweep_id)))

    async def sweeps(self, **filters: Unpack[Filters]) -> AsyncIterator["AsyncSweepHandle"]:
        """The sweeps that match, the newest first; they are read as the iteration comes to them."""
        async for record in self._driver.items(self._operations.sweeps(filters)):
            yield self._handle(record)

    async def run(self, run_id: str) -> Run:
        """The run of an id, with all its epochs so far."""
        return await self._driver.run(self._operations.run(run_id))

    async def datasets(self) -> list[DatasetInfo]:
        """What a sweep can train on."""
        return await self._driver.run(self._operations.datasets())

    async def workers(self) -> list[Worker]:
        """Who trains, on what device, and who was lost in the last hour."""
        return await self._driver.run(self._operations.workers())

    async def queue(self) -> Queue:
        """How long the wait is."""
        return await self._driver.run(self._operations.queue())

    async def compare(self, sweeps: Iterable["AsyncSweepHandle | str"], path: str | Path, **look: Unpack[Look]) -> Path:
        """Save the curves of 1 to 8 sweeps, in one picture, in the format of the path's suffix; return the path."""
        look_and_format = {"format": format_of(Path(path)), **look}
        return saved(path, await self._driver.run(self._operations.compare(map(_id, sweeps), look_and_format)))

    async def noise(self, **fields: Unpack[NoiseFields]) -> NoiseSamples:
        """Images clean and with the noise that a run of the seed has on them, in numbers."""
        return await self._driver.run(self._operations.noise(fields))

    async def noise_plot(self, path: str | Path, **fields: Unpack[NoiseFields]) -> Path:
        """Save the same as a picture, in the format of the path's suffix; return the path."""
        file_format = {"format": format_of(Path(path))}
        return saved(path, await self._driver.run(self._operations.noise_picture(fields, file_format)))

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"<AsyncNoiseSweep at {self.url}>"

    def _handle(self, record: Sweep) -> "AsyncSweepHandle":
        return AsyncSweepHandle(record, self._driver, self._operations)


class AsyncSweepHandle:
    """A sweep, to be followed, drawn and changed, as SweepHandle has it.

    Attributes:
        record: The sweep as it was last read.
    """

    def __init__(self, record: Sweep, driver: AsyncDriver, operations: Operations) -> None:
        self.record = record
        self._driver = driver
        self._operations = operations

    @property
    def id(self) -> str:
        """Names it: 16 hexadecimal digits."""
        return self.record.id

    @property
    def status(self) -> RunStatus:
        """Where it stood when it was last read."""
        return self.record.status

    async def refresh(self) -> Self:
        """Read the record anew."""
        return self._now(await self._driver.run(self._operations.sweep(self.id)))

    async def looks(self, within_seconds: float = float("inf"), every_seconds: float = 2.0) -> AsyncIterator[Sweep]:
        """The record now and then until the sweep has ended or the seconds are over, to show how it gets on."""
        async for record in self._driver.items(self._operations.looks(self.id, within_seconds, every_seconds)):
            yield self._now(record).record

    async def follow(self) -> AsyncIterator[Event]:
        """Every event from the first to the end, once and in order, also when the connection or the service breaks."""
        async for event in self._driver.items(self._operations.follow(self.id)):
            yield event
        await self.refresh()

    async def wait(self) -> Self:
        """Return when the sweep has ended; asyncio.timeout sets a limit."""
        async for _ in self.looks():
            pass
        return self

    async def results(self) -> Any:  # noqa: ANN401 - a pandas.DataFrame, or a list of dicts without pandas
        """A row per run and epoch: a pandas.DataFrame if pandas is installed, else a list of dicts."""
        return table_of(await self.figures())

    async def figures(self) -> Results:
        """The same rows typed, with the figures by scale and the matrix of train scale and test scale."""
        return await self._driver.run(self._operations.results(self.id))

    async def csv(self) -> bytes:
        """The same rows as CSV."""
        return await self._driver.run(self._operations.results_csv(self.id))

    async def summary(self) -> Summary:
        """What the curve says, in figures and in a sentence."""
        return await self._driver.run(self._operations.summary(self.id))

    async def plot(self, path: str | Path, kind: Kind = "accuracy", **look: Unpack[Look]) -> Path:
        """Save a picture in the format of the path's suffix: .png, .svg or .pdf; return the path."""
        look_and_format = {"kind": kind, "format": format_of(Path(path)), **look}
        return saved(path, await self._driver.run(self._operations.picture(self.id, look_and_format)))

    async def cancel(self) -> Self:
        """Cancel what has not ended; what was trained so far is kept."""
        return self._now(await self._driver.run(self._operations.cancel(self.id)))

    async def retry(self) -> Self:
        """Train again what failed or was cancelled."""
        return self._now(await self._driver.run(self._operations.retry(self.id)))

    async def extend(
        self, *, scales: Iterable[float] = (), seeds: Iterable[int] = (), reuse: bool | None = None
    ) -> Self:
        """Add scales, seeds or both to the grid; only what is new is trained."""
        fields = {"scales": scales, "seeds": seeds, "reuse": reuse}
        return self._now(await self._driver.run(self._operations.extend(self.id, fields)))

    async def delete(self) -> None:
        """Remove the sweep, which must have ended, with its metrics and models."""
        await self._driver.run(self._operations.delete(self.id))

    def __repr__(self) -> str:
        return f"<{in_words(self.record)}>"

    def _now(self, record: Sweep) -> Self:
        self.record = record
        return self


def _id(sweep: AsyncSweepHandle | str) -> str:
    return sweep if isinstance(sweep, str) else sweep.id
