"""The client for programs and notebooks that wait for their answers."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self, Unpack

from noisesweep.client.connection import Connection
from noisesweep.client.drivers import Driver
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


class NoiseSweep:
    """A noisesweep service.

    What is asked is asked again when the connection fails, for as long as `timeout` allows; a submission that is sent
    again is the same submission. Every method raises what noisesweep/client/errors.py names.

    Args:
        url: Where the service is; by default NOISESWEEP_URL, else http://127.0.0.1:8000.
        key: The API key, where one is wanted; by default NOISESWEEP_API_KEY.
        timeout: Seconds that an answer may take in all, and that the service may be away while it is followed.

    Example:
        with NoiseSweep() as service:
            sweep = service.submit(scales=[0.1, 0.5, 1.0, 2.0, 4.0], repeats=3)
            sweep.wait().plot("accuracy.png")
    """

    def __init__(self, url: str | None = None, key: str | None = None, *, timeout: float = 30.0) -> None:
        self._connection = Connection.of(url, key)
        self._http = self._connection.client()
        self._driver = Driver(self._http)
        self._operations = Operations(timeout)

    @property
    def url(self) -> str:
        """Where the service is."""
        return self._connection.url

    def submit(self, *, scales: Iterable[float], **fields: Unpack[SweepFields]) -> "SweepHandle":
        """Train one network per scale and seed. It returns at once."""
        return self._handle(self._driver.run(self._operations.submit({"scales": scales, **fields})))

    def estimate(self, *, scales: Iterable[float], **fields: Unpack[SweepFields]) -> Estimate:
        """What that would cost; nothing is stored."""
        return self._driver.run(self._operations.estimate({"scales": scales, **fields}))

    def sweep(self, sweep_id: str) -> "SweepHandle":
        """The sweep of an id."""
        return self._handle(self._driver.run(self._operations.sweep(sweep_id)))

    def sweeps(self, **filters: Unpack[Filters]) -> Iterator["SweepHandle"]:
        """The sweeps that match, the newest first; they are read as the iteration comes to them."""
        return map(self._handle, self._driver.items(self._operations.sweeps(filters)))

    def run(self, run_id: str) -> Run:
        """The run of an id, with all its epochs so far."""
        return self._driver.run(self._operations.run(run_id))

    def datasets(self) -> list[DatasetInfo]:
        """What a sweep can train on."""
        return self._driver.run(self._operations.datasets())

    def workers(self) -> list[Worker]:
        """Who trains, on what device, and who was lost in the last hour."""
        return self._driver.run(self._operations.workers())

    def queue(self) -> Queue:
        """How long the wait is."""
        return self._driver.run(self._operations.queue())

    def compare(self, sweeps: Iterable["SweepHandle | str"], path: str | Path, **look: Unpack[Look]) -> Path:
        """Save the curves of 1 to 8 sweeps, in one picture, in the format of the path's suffix; return the path."""
        look_and_format = {"format": format_of(Path(path)), **look}
        return saved(path, self._driver.run(self._operations.compare(map(_id, sweeps), look_and_format)))

    def noise(self, **fields: Unpack[NoiseFields]) -> NoiseSamples:
        """Images clean and with the noise that a run of the seed has on them, in numbers."""
        return self._driver.run(self._operations.noise(fields))

    def noise_plot(self, path: str | Path, **fields: Unpack[NoiseFields]) -> Path:
        """Save the same as a picture, in the format of the path's suffix; return the path."""
        return saved(path, self._driver.run(self._operations.noise_picture(fields, {"format": format_of(Path(path))})))

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<NoiseSweep at {self.url}>"

    def _handle(self, record: Sweep) -> "SweepHandle":
        return SweepHandle(record, self._driver, self._operations)


class SweepHandle:
    """A sweep, to be followed, drawn and changed. In a notebook it shows as its plot.

    Attributes:
        record: The sweep as it was last read.
    """

    def __init__(self, record: Sweep, driver: Driver, operations: Operations) -> None:
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

    def refresh(self) -> Self:
        """Read the record anew."""
        return self._now(self._driver.run(self._operations.sweep(self.id)))

    def looks(self, within_seconds: float = float("inf"), every_seconds: float = 2.0) -> Iterator[Sweep]:
        """The record now and then until the sweep has ended or the seconds are over, to show how it gets on."""
        for record in self._driver.items(self._operations.looks(self.id, within_seconds, every_seconds)):
            yield self._now(record).record

    def follow(self) -> Iterator[Event]:
        """Every event from the first to the end, once and in order, also when the connection or the service breaks."""
        yield from self._driver.items(self._operations.follow(self.id))
        self.refresh()

    def wait(self, timeout: float = float("inf")) -> Self:
        """Return when the sweep has ended; raise TimeoutError if it has not after so many seconds."""
        for _ in self.looks(timeout):
            pass
        if not self.status.is_final:
            raise TimeoutError(f"sweep {self.id} is {self.status} after {timeout:g} s; it goes on")
        return self

    def results(self) -> Any:  # noqa: ANN401 - a pandas.DataFrame, or a list of dicts without pandas
        """A row per run and epoch: a pandas.DataFrame if pandas is installed, else a list of dicts."""
        return table_of(self.figures())

    def figures(self) -> Results:
        """The same rows typed, with the figures by scale and the matrix of train scale and test scale."""
        return self._driver.run(self._operations.results(self.id))

    def csv(self) -> bytes:
        """The same rows as CSV."""
        return self._driver.run(self._operations.results_csv(self.id))

    def summary(self) -> Summary:
        """What the curve says, in figures and in a sentence."""
        return self._driver.run(self._operations.summary(self.id))

    def plot(self, path: str | Path, kind: Kind = "accuracy", **look: Unpack[Look]) -> Path:
        """Save a picture in the format of the path's suffix: .png, .svg or .pdf; return the path."""
        look_and_format = {"kind": kind, "format": format_of(Path(path)), **look}
        return saved(path, self._driver.run(self._operations.picture(self.id, look_and_format)))

    def cancel(self) -> Self:
        """Cancel what has not ended; what was trained so far is kept."""
        return self._now(self._driver.run(self._operations.cancel(self.id)))

    def retry(self) -> Self:
        """Train again what failed or was cancelled."""
        return self._now(self._driver.run(self._operations.retry(self.id)))

    def extend(self, *, scales: Iterable[float] = (), seeds: Iterable[int] = (), reuse: bool | None = None) -> Self:
        """Add scales, seeds or both to the grid; only what is new is trained."""
        fields = {"scales": scales, "seeds": seeds, "reuse": reuse}
        return self._now(self._driver.run(self._operations.extend(self.id, fields)))

    def delete(self) -> None:
        """Remove the sweep, which must have ended, with its metrics and models."""
        self._driver.run(self._operations.delete(self.id))

    def __repr__(self) -> str:
        return f"<{in_words(self.record)}>"

    def _repr_png_(self) -> bytes:
        return self._driver.run(self._operations.picture(self.id, {}))

    def _now(self, record: Sweep) -> Self:
        self.record = record
        return self


def _id(sweep: SweepHandle | str) -> str:
    return sweep if isinstance(sweep, str) else sweep.id
