# Generated from noisesweep/client/_async/handle.py by scripts/unasync.py (make generate); do not edit.
"""Handle of a sweep."""

import time
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from itertools import count
from math import inf
from pathlib import Path
from typing import Any, Self, Unpack
from urllib.parse import quote

from noisesweep.client._sync.session import Session
from noisesweep.client.errors import RefusedError
from noisesweep.client.fields import EditFields, PlotKind, PlotOptions
from noisesweep.client.payloads import image_format, parse, save
from noisesweep.client.prose import describe_sweep, results_table
from noisesweep.models import CreatedShare, Event, Results, RunStatus, Share, ShareList, Summary, Sweep

FIRST_POLL_SECONDS = 0.2
LONGEST_POLL_SECONDS = 2.0


def path_of(sweep_id: str) -> str:
    """Return the path of a sweep."""
    return f"/sweeps/{quote(sweep_id, safe='')}"


class SweepHandle:
    """Handle of a sweep, to follow, plot and change it. Notebooks display a synchronous handle as its plot.

    Attributes:
        record: State of the sweep when it was last read.
    """

    def __init__(self, record: Sweep, session: Session) -> None:
        self.record = record
        self._session = session
        self._path = path_of(record.id)

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

    def edit(self, **fields: Unpack[EditFields]) -> Self:
        """Change the name, some tags or both. None removes a name, a tag, or all tags."""
        self.record = self._session.patch(Sweep, self._path, fields)
        return self

    def with_fresh_noise(self) -> "SweepHandle":
        """Submit the same sweep with new training noise in every epoch. Repeated, return the same sweep."""
        record = self._session.post(Sweep, f"{self._path}/fresh-noise")
        return SweepHandle(record, self._session)

    def share(self, *, days: int = 90) -> CreatedShare:
        """Create a link that shows the sweep, and no other, to everybody who has it, without an API key.

        Args:
            days: Days after which it no longer works, 1 to 366.
        """
        return self._session.post(CreatedShare, f"{self._path}/shares", {"expires_in_days": days})

    def shares(self) -> list[Share]:
        """List the valid share links of the sweep, without their tokens."""
        return (self._session.get(ShareList, f"{self._path}/shares")).shares

    def revoke_share(self, share_id: str) -> None:
        """Revoke the share link with this id."""
        self._session.send("DELETE", f"{self._path}/shares/{quote(share_id, safe='')}")

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
