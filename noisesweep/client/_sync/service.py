# Generated from noisesweep/client/_async/service.py by scripts/unasync.py (make generate); do not edit.
"""Client of a service, and handle of a sweep."""

import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from http import HTTPStatus
from itertools import count
from math import inf
from pathlib import Path
from typing import Any, Self, Unpack
from urllib.parse import quote

import httpx

from noisesweep.client._sync.session import Session
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


class NoiseSweep:
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

    def submit(self, *, scales: Iterable[float], **fields: Unpack[SweepFields]) -> "SweepHandle":
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

    def sweep(self, sweep_id: str) -> "SweepHandle":
        """Read the sweep with this id."""
        return SweepHandle(self._session.get(Sweep, _path_of(sweep_id)), self._session)

    def sweeps(self, **filters: Unpack[Filters]) -> Iterator["SweepHandle"]:
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

    def datasets(self) -> list[DatasetInfo]:
        """List the available data sets."""
        return (self._session.get(DatasetList, "/datasets")).datasets

    def ideal(self, dataset: str, scales: Sequence[float] = (), *, clip: bool = False) -> DatasetLimit:
        """Read the best possible accuracy on a data set with Gaussian noise, by scale.

        Without scales, read it at all scales of the measured table. With `clip`, noisy pixels are clipped to [0, 1].
        """
        query = httpx.QueryParams({"scales": list(scales), "clip": clip})
        return self._session.get(DatasetLimit, f"/datasets/{quote(dataset, safe='')}/ideal", query)

    def workers(self) -> list[Worker]:
        """List the running workers and the workers lost in the last hour."""
        return (self._session.get(WorkerList, "/workers")).workers

    def queue(self) -> Queue:
        """Read the queue statistics."""
        return self._session.get(Queue, "/queue")

    def compare(self, sweeps: Iterable["SweepHandle | str"], path: str | Path, **options: Unpack[PlotOptions]) -> Path:
        """Plot the accuracy curves of 1 to 8 sweeps together, save the plot and return its path.

        The suffix of the path selects the format: .png, .svg or .pdf.
        """
        ids = [sweep if isinstance(sweep, str) else sweep.id for sweep in sweeps]
        query = {"sweep": ids, "format": image_format(path), **options}
        return save(path, (self._session.compute("/plots/compare", query)).content)

    def comparison(self, first: "SweepHandle | str", second: "SweepHandle | str") -> Comparison:
        """Compare sweeps A and B in numbers: differences by scale, ratio of scales, areas, and a sentence.

        Raises:
            RefusedError: The sweeps have different data sets, or no run at the same scale with the same seed.
        """
        query = {"sweep": [sweep if isinstance(sweep, str) else sweep.id for sweep in (first, second)]}
        return self._session.get(Comparison, "/compare", query)

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


class SweepHandle:
    """Handle of a sweep, to follow, plot and change it. Notebooks display a synchronous handle as its plot.

    Attributes:
        record: State of the sweep when it was last read.
    """

    def __init__(self, record: Sweep, session: Session) -> None:
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

    def refresh(self) -> Self:
        """Update the record from the service."""
        self.record = self._session.get(Sweep, self._path)
        return self

    def poll(self, within_seconds: float = inf, every_seconds: float = LONGEST_POLL_SECONDS) -> Iterator[Sweep]:
        """Yield the record repeatedly until the sweep has ended or `within_seconds` have passed.

        The interval grows up to `every_seconds`. The service sends the record only if it has changed; otherwise the
        same object is yielded again.
        """
        deadline = time.monotonic() + within_seconds
        record, headers = self.record, dict[str, str]()
        for polled in count():
            response = self._session.send("GET", self._path, headers=headers, reached=polled > 0)
            if response.status_code != HTTPStatus.NOT_MODIFIED:
                record = parse(Sweep, response.content, response)
                headers = {"If-None-Match": response.headers["ETag"]}
            self.record = record
            yield record
            left = deadline - time.monotonic()
            if record.status.is_final or left <= 0:
                return
            time.sleep(min(FIRST_POLL_SECONDS * (polled + 1), every_seconds, left))

    def follow(self) -> Iterator[Event]:
        """Yield all events once and in order, from the first to the last. Reconnect if the connection breaks."""
        for event in self._session.events(f"{self._path}/events"):
            yield event
        self.refresh()

    def wait(self, timeout: float = inf) -> Self:
        """Wait until the sweep has ended.

        Raises:
            TimeoutError: The sweep has not ended after `timeout` seconds. Its training continues.
        """
        for _ in self.poll(timeout):
            pass
        if not self.status.is_final:
            raise TimeoutError(f"sweep {self.id} is {self.status} after {timeout:g} s and continues on the service")
        return self

    def results(self) -> Any:  # noqa: ANN401 - a pandas.DataFrame, or a list of dicts without pandas
        """Return the metrics, one row per run and epoch: a pandas.DataFrame, or a list of dicts without pandas."""
        return results_table(self.typed_results())

    def typed_results(self) -> Results:
        """Return the same rows as a model, with the statistics by scale and the matrix of training and test scales."""
        response = self._session.compute(f"{self._path}/results")
        return parse(Results, response.content, response)

    def csv(self) -> bytes:
        """Return the same rows as CSV."""
        return (self._session.compute(f"{self._path}/results", {"format": "csv"})).content

    def summary(self) -> Summary:
        """Return a summary of the accuracy curve, in numbers and in words."""
        return self._session.get(Summary, f"{self._path}/summary")

    def plot(self, path: str | Path, kind: PlotKind = "accuracy", **options: Unpack[PlotOptions]) -> Path:
        """Save a plot in the format of the path's suffix (.png, .svg or .pdf) and return the path."""
        query = {"kind": kind, "format": image_format(path), **options}
        return save(path, (self._session.compute(f"{self._path}/plot", query)).content)

    def cancel(self) -> Self:
        """Cancel the runs that have not ended. Their stored epochs are kept."""
        return self._post_action("cancel")

    def retry(self) -> Self:
        """Queue the failed and cancelled runs again."""
        return self._post_action("retry")

    def extend(self, *, scales: Iterable[float] = (), seeds: Iterable[int] = (), reuse: bool | None = None) -> Self:
        """Add scales, seeds or both to the grid. Only the new runs are trained."""
        return self._post_action("runs", {"scales": scales, "seeds": seeds, "reuse": reuse})

    def with_fresh_noise(self) -> "SweepHandle":
        """Submit the same sweep with new training noise in every epoch. Repeated, return the same sweep."""
        record = self._session.post(Sweep, f"{self._path}/fresh-noise")
        return SweepHandle(record, self._session)

    def delete(self) -> None:
        """Delete the sweep with its metrics and models. The sweep must have ended."""
        self.refresh()  # raises RefusedError if the sweep does not exist
        try:
            self._session.send("DELETE", self._path)
        except RefusedError as refused:
            # A 404 now counts as success: the reply to an earlier attempt may have been lost.
            if refused.problem.status != HTTPStatus.NOT_FOUND:
                raise

    def __repr__(self) -> str:
        return f"<{describe_sweep(self.record)}>"

    def _repr_png_(self) -> bytes:
        return (self._session.compute(f"{self._path}/plot")).content

    def _post_action(self, action: str, fields: dict[str, Any] | None = None) -> Self:
        self.record = self._session.post(Sweep, f"{self._path}/{action}", fields)
        return self


def _path_of(sweep_id: str) -> str:
    return f"/sweeps/{quote(sweep_id, safe='')}"
