# Generated from noisesweep/client/_async/service.py by scripts/unasync.py (make generate); do not edit.
"""The client's two classes: a service and a sweep."""

import time
import uuid
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from itertools import count
from math import inf
from pathlib import Path
from typing import Any, Self, Unpack
from urllib.parse import quote

from noisesweep.client._sync.session import Session
from noisesweep.client.connection import Connection
from noisesweep.client.errors import RefusedError
from noisesweep.client.fields import Filters, Kind, NoiseFields, PlotOptions, SweepFields
from noisesweep.client.payloads import format_of, list_query, noise_query, parsed, saved
from noisesweep.client.prose import in_words, table_of
from noisesweep.models import (
    DatasetInfo,
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

PAGE = 50
FIRST_POLL_SECONDS = 0.2
LONGEST_POLL_SECONDS = 2.0


class NoiseSweep:
    """A noisesweep service.

    A request is repeated when the connection fails, as long as `timeout` allows; a submission sent again is the same
    submission. Every method raises the errors of noisesweep/client/errors.py.

    Args:
        url: The service's URL; by default NOISESWEEP_URL, otherwise http://127.0.0.1:8000.
        key: The API key, if the service asks for one; by default NOISESWEEP_API_KEY.
        timeout: Time limit in seconds for an answer, repeats included, and for how long a service that is followed
            may be away.

    Example:
        with NoiseSweep() as service:
            sweep = service.submit(scales=[0.1, 0.5, 1.0, 2.0, 4.0], repeats=3)
            for event in sweep.follow():
                print(event.type, event.run_id)
            sweep.plot("accuracy.png")
    """

    def __init__(self, url: str | None = None, key: str | None = None, *, timeout: float = 30.0) -> None:
        self._connection = Connection.of(url, key)
        self._session = Session(self._connection, timeout)

    @property
    def url(self) -> str:
        """The service's URL."""
        return self._connection.url

    def submit(self, *, scales: Iterable[float], **fields: Unpack[SweepFields]) -> "SweepHandle":
        """Submit a sweep: one network is trained per scale and seed. The call does not wait for the training."""
        # A key per submission: the service answers a repeat with the sweep that the first one made.
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        record = self._session.post(Sweep, "/sweeps", {"scales": scales, **fields}, headers=headers)
        return SweepHandle(record, self._session)

    def estimate(self, *, scales: Iterable[float], **fields: Unpack[SweepFields]) -> Estimate:
        """Return what such a sweep would cost; nothing is stored."""
        return self._session.post(Estimate, "/sweeps", {"scales": scales, **fields}, query={"dry_run": True})

    def sweep(self, sweep_id: str) -> "SweepHandle":
        """Return the sweep with an id."""
        return SweepHandle(self._session.get(Sweep, _path_of(sweep_id)), self._session)

    def sweeps(self, **filters: Unpack[Filters]) -> Iterator["SweepHandle"]:
        """Yield the matching sweeps, newest first, reading page by page as the iteration proceeds."""
        page = self._session.get(SweepList, "/sweeps", list_query(filters, PAGE))
        while True:
            for record in page.sweeps:
                yield SweepHandle(record, self._session)
            if page.next is None:
                return
            page = self._session.get(SweepList, page.next)

    def run(self, run_id: str) -> Run:
        """Return the run with an id, with all its epochs so far."""
        return self._session.get(Run, f"/runs/{quote(run_id, safe='')}")

    def datasets(self) -> list[DatasetInfo]:
        """Return the data sets that a sweep can train on."""
        return (self._session.get(DatasetList, "/datasets")).datasets

    def workers(self) -> list[Worker]:
        """Return the workers, with their devices, and those lost in the last hour."""
        return (self._session.get(WorkerList, "/workers")).workers

    def queue(self) -> Queue:
        """Return the length of the queue and the time to wait."""
        return self._session.get(Queue, "/queue")

    def compare(self, sweeps: Iterable["SweepHandle | str"], path: str | Path, **options: Unpack[PlotOptions]) -> Path:
        """Save the curves of 1 to 8 sweeps in one picture, in the format of the path's suffix; return the path."""
        ids = [sweep if isinstance(sweep, str) else sweep.id for sweep in sweeps]
        query = {"sweep": ids, "format": format_of(path), **options}
        return saved(path, (self._session.compute("/plots/compare", query)).content)

    def noise(self, **fields: Unpack[NoiseFields]) -> NoiseSamples:
        """Return images clean and with the noise that a run of the seed adds to them, as numbers."""
        response = self._session.compute("/noise/samples", noise_query(fields))
        return parsed(NoiseSamples, response.content, response)

    def noise_plot(self, path: str | Path, **fields: Unpack[NoiseFields]) -> Path:
        """Save the same images as a picture, in the format of the path's suffix; return the path."""
        query = noise_query(fields) | {"format": format_of(path)}
        return saved(path, (self._session.compute("/noise/plot", query)).content)

    def close(self) -> None:
        """Close the connections."""
        self._session.http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} at {self.url}>"


class SweepHandle:
    """A sweep to follow, plot and change. In a notebook, the handle of the synchronous client shows as its plot.

    Attributes:
        record: The sweep as it was last read.
    """

    def __init__(self, record: Sweep, session: Session) -> None:
        self.record = record
        self._session = session
        self._path = _path_of(record.id)

    @property
    def id(self) -> str:
        """The id: 16 hexadecimal digits."""
        return self.record.id

    @property
    def status(self) -> RunStatus:
        """The status when the sweep was last read."""
        return self.record.status

    def refresh(self) -> Self:
        """Read the record again."""
        self.record = self._session.get(Sweep, self._path)
        return self

    def poll(self, within_seconds: float = inf, every_seconds: float = LONGEST_POLL_SECONDS) -> Iterator[Sweep]:
        """Yield the record, at growing intervals, until the sweep has ended or the seconds are over.

        Polling an unchanged record is cheap, and yields the same object.
        """
        until = time.monotonic() + within_seconds
        record, headers = self.record, dict[str, str]()
        for polled in count():
            response = self._session.send("GET", self._path, headers=headers, reached=polled > 0)
            if response.status_code != HTTPStatus.NOT_MODIFIED:
                record = parsed(Sweep, response.content, response)
                headers = {"If-None-Match": response.headers["ETag"]}
            self.record = record
            yield record
            left = until - time.monotonic()
            if record.status.is_final or left <= 0:
                return
            time.sleep(min(FIRST_POLL_SECONDS * (polled + 1), every_seconds, left))

    def follow(self) -> Iterator[Event]:
        """Yield every event once and in order, from the first to the last, also if connection or service break."""
        for event in self._session.events(f"{self._path}/events"):
            yield event
        self.refresh()

    def wait(self, timeout: float = inf) -> Self:
        """Return when the sweep has ended; raise TimeoutError if it has not after `timeout` seconds."""
        for _ in self.poll(timeout):
            pass
        if not self.status.is_final:
            raise TimeoutError(f"sweep {self.id} is {self.status} after {timeout:g} s; it goes on")
        return self

    def results(self) -> Any:  # noqa: ANN401 - a pandas.DataFrame, or a list of dicts without pandas
        """Return a row per run and epoch: a pandas.DataFrame if pandas is installed, otherwise a list of dicts."""
        return table_of(self.figures())

    def figures(self) -> Results:
        """Return the same rows typed, with the figures by scale and the matrix of train scale and test scale."""
        response = self._session.compute(f"{self._path}/results")
        return parsed(Results, response.content, response)

    def csv(self) -> bytes:
        """Return the same rows as CSV."""
        return (self._session.compute(f"{self._path}/results", {"format": "csv"})).content

    def summary(self) -> Summary:
        """Return what the curve says, in figures and in a sentence."""
        return self._session.get(Summary, f"{self._path}/summary")

    def plot(self, path: str | Path, kind: Kind = "accuracy", **options: Unpack[PlotOptions]) -> Path:
        """Save a picture in the format of the path's suffix (.png, .svg or .pdf); return the path."""
        query = {"kind": kind, "format": format_of(path), **options}
        return saved(path, (self._session.compute(f"{self._path}/plot", query)).content)

    def cancel(self) -> Self:
        """Cancel the runs that have not ended; what was trained so far is kept."""
        return self._change("cancel")

    def retry(self) -> Self:
        """Train again the runs that failed or were cancelled."""
        return self._change("retry")

    def extend(self, *, scales: Iterable[float] = (), seeds: Iterable[int] = (), reuse: bool | None = None) -> Self:
        """Add scales, seeds or both to the grid; only the new runs are trained."""
        return self._change("runs", {"scales": scales, "seeds": seeds, "reuse": reuse})

    def delete(self) -> None:
        """Remove the sweep, which must have ended, with its metrics and models."""
        self.refresh()  # a sweep that never existed is an error, unlike below
        try:
            self._session.send("DELETE", self._path)
        except RefusedError as refused:
            # A 404 counts as success: an earlier reply may have been lost.
            if refused.problem.status != HTTPStatus.NOT_FOUND:
                raise

    def __repr__(self) -> str:
        return f"<{in_words(self.record)}>"

    def _repr_png_(self) -> bytes:
        return (self._session.compute(f"{self._path}/plot")).content

    def _change(self, verb: str, fields: dict[str, Any] | None = None) -> Self:
        self.record = self._session.post(Sweep, f"{self._path}/{verb}", fields)
        return self


def _path_of(sweep_id: str) -> str:
    return f"/sweeps/{quote(sweep_id, safe='')}"
