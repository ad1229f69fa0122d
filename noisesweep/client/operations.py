"""What can be asked of the service, each as a flow: how it is sent, and what the answer means."""

import json
import math
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from itertools import count
from pathlib import Path, PurePath
from typing import Any, TypeVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel, ValidationError

from noisesweep.client.errors import RefusedError, WrongUsageError, foreign
from noisesweep.client.events import follow
from noisesweep.client.flow import Flow, Item, ItemFlow, Pause, Query, Request, answer
from noisesweep.models import (
    DatasetInfo,
    DatasetList,
    Estimate,
    Event,
    NoiseSamples,
    Queue,
    Results,
    Run,
    Summary,
    Sweep,
    SweepList,
    Worker,
    WorkerList,
)

Model = TypeVar("Model", bound=BaseModel)

LISTS = ("scales", "seeds", "hidden_units")
FORMATS = ("png", "svg", "pdf")
PAGE = 50
FIRST_LOOK_SECONDS = 0.2
LONGEST_LOOK_SECONDS = 2.0


@dataclass(frozen=True)
class Operations:
    """The flows of one client.

    Attributes:
        total_seconds: How long an answer may take in all, repeats included, and how long the service may be away while
            it is followed.
        clock: Seconds that never go back.
    """

    total_seconds: float
    clock: Callable[[], float] = time.monotonic

    def submit(self, fields: Mapping[str, Any]) -> Flow[Sweep]:
        """Submit a sweep, once however often that is sent: every submission has an Idempotency-Key of its own."""
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        response = yield from self._answer(Request("POST", "/sweeps", body=_body(fields), headers=headers))
        return _read(Sweep, response)

    def estimate(self, fields: Mapping[str, Any]) -> Flow[Estimate]:
        """What a sweep would cost."""
        request = Request("POST", "/sweeps", query={"dry_run": True}, body=_body(fields))
        return _read(Estimate, (yield from self._answer(request)))

    def sweep(self, sweep_id: str) -> Flow[Sweep]:
        """A sweep's record as it is now."""
        return self._get(Sweep, _sweep(sweep_id))

    def run(self, run_id: str) -> Flow[Run]:
        """A run with all its epochs."""
        return self._get(Run, f"/runs/{quote(run_id, safe='')}")

    def sweeps(self, filters: Mapping[str, Any]) -> ItemFlow[Sweep]:
        """The sweeps that match, the newest first, page by page as they are asked for."""
        tags = list(filters.get("tags", ()))
        query = {name: value for name, value in filters.items() if name != "tags"} | ({"tag": tags} if tags else {})
        request = Request("GET", "/sweeps", query=query | {"limit": PAGE})
        while True:
            page = _read(SweepList, (yield from self._answer(request)))
            for sweep in page.sweeps:
                yield Item(sweep)
            if page.next is None:
                return
            request = Request("GET", page.next)

    def datasets(self) -> Flow[list[DatasetInfo]]:
        """What a sweep can train on."""
        return (yield from self._get(DatasetList, "/datasets")).datasets

    def workers(self) -> Flow[list[Worker]]:
        """Who trains, and who was lost in the last hour."""
        return (yield from self._get(WorkerList, "/workers")).workers

    def queue(self) -> Flow[Queue]:
        """How long the wait is."""
        return self._get(Queue, "/queue")

    def cancel(self, sweep_id: str) -> Flow[Sweep]:
        """Cancel what has not ended."""
        return self._act(f"{_sweep(sweep_id)}/cancel")

    def retry(self, sweep_id: str) -> Flow[Sweep]:
        """Train again what failed or was cancelled."""
        return self._act(f"{_sweep(sweep_id)}/retry")

    def extend(self, sweep_id: str, fields: Mapping[str, Any]) -> Flow[Sweep]:
        """Add scales and seeds to the grid."""
        return self._act(f"{_sweep(sweep_id)}/runs", _body(fields))

    def delete(self, sweep_id: str) -> Flow[None]:
        """Remove a sweep that has ended. One whose removal was answered and the answer lost is not there: well done."""
        path = _sweep(sweep_id)
        yield from self._get(Sweep, path)  # else a mistyped id would be well done, too
        try:
            yield from self._answer(Request("DELETE", path))
        except RefusedError as refused:
            if refused.problem.status != HTTPStatus.NOT_FOUND:
                raise

    def follow(self, sweep_id: str) -> ItemFlow[Event]:
        """What happens to a sweep, from its beginning to its end."""
        return follow(f"{_sweep(sweep_id)}/events", self.total_seconds, self.clock)

    def looks(
        self, sweep_id: str, within_seconds: float = math.inf, every_seconds: float = LONGEST_LOOK_SECONDS
    ) -> ItemFlow[Sweep]:
        """The sweep's record again and again, ever less often, until it has ended or the seconds are over.

        A look at what has not changed is cheap. The record is then the same object.
        """
        until = self.clock() + within_seconds
        request, known = Request("GET", _sweep(sweep_id)), False
        for look in count():
            response = yield from answer(request, self.total_seconds, self.clock, known=known)
            if response.status_code != HTTPStatus.NOT_MODIFIED:
                sweep = _read(Sweep, response)
                request = Request("GET", request.path, headers={"If-None-Match": response.headers["ETag"]})
            known = True
            yield Item(sweep)
            left = until - self.clock()
            if sweep.status.is_final or left <= 0:
                return
            yield Pause(min(FIRST_LOOK_SECONDS * (look + 1), every_seconds, left))

    def results(self, sweep_id: str) -> Flow[Results]:
        """Every epoch of every run, with the figures by scale and the matrix."""
        return _read(Results, (yield from self._answer(self._long(f"{_sweep(sweep_id)}/results", {}))))

    def results_csv(self, sweep_id: str) -> Flow[bytes]:
        """Every epoch of every run as CSV."""
        return self._file(f"{_sweep(sweep_id)}/results", {"format": "csv"})

    def summary(self, sweep_id: str) -> Flow[Summary]:
        """What the curve says."""
        return self._get(Summary, f"{_sweep(sweep_id)}/summary")

    def picture(self, sweep_id: str, look: Mapping[str, Any]) -> Flow[bytes]:
        """A picture of a sweep."""
        return self._file(f"{_sweep(sweep_id)}/plot", look)

    def compare(self, sweep_ids: Iterable[str], look: Mapping[str, Any]) -> Flow[bytes]:
        """The curves of several sweeps in one picture."""
        return self._file("/plots/compare", {"sweep": list(sweep_ids), **look})

    def noise(self, fields: Mapping[str, Any]) -> Flow[NoiseSamples]:
        """Images with the noise that a run has on them, in numbers."""
        return _read(NoiseSamples, (yield from self._answer(self._long("/noise/samples", _noise(fields)))))

    def noise_picture(self, fields: Mapping[str, Any], look: Mapping[str, Any]) -> Flow[bytes]:
        """The same as a picture."""
        return self._file("/noise/plot", {**_noise(fields), **look})

    def _answer(self, request: Request) -> Flow[httpx.Response]:
        return answer(request, self.total_seconds, self.clock)

    def _get(self, model: type[Model], path: str) -> Flow[Model]:
        return _read(model, (yield from self._answer(Request("GET", path))))

    def _act(self, path: str, body: bytes | None = None) -> Flow[Sweep]:
        """To repeat any of these changes nothing, so they are repeated like the rest."""
        return _read(Sweep, (yield from self._answer(Request("POST", path, body=body))))

    def _file(self, path: str, query: Query) -> Flow[bytes]:
        return (yield from self._answer(self._long(path, query))).content

    def _long(self, path: str, query: Query) -> Request:
        """A request that may have much to compute: to send it again would only make it more."""
        return Request("GET", path, query=query, timeout_seconds=self.total_seconds)


def format_of(path: PurePath) -> str:
    """The format of a picture by the suffix of its file; raise WrongUsageError where there is no such format."""
    suffix = path.suffix.removeprefix(".").lower()
    if suffix not in FORMATS:
        raise WrongUsageError(f"{path.name!r} names no format of a picture: let it end in .png, .svg or .pdf")
    return suffix


def saved(path: str | Path, picture: bytes) -> Path:
    """The path of a picture that was written there; raise OSError where that cannot be done."""
    Path(path).write_bytes(picture)
    return Path(path)


def _sweep(sweep_id: str) -> str:
    return f"/sweeps/{quote(sweep_id, safe='')}"


def _read(model: type[Model], response: httpx.Response) -> Model:
    try:
        return model.model_validate_json(response.content)
    except ValidationError as error:
        raise foreign(response) from error


def _body(fields: Mapping[str, Any]) -> bytes:
    """The fields as JSON: any iterable of numbers is a list, and a number of NumPy's is a number."""
    body = {name: _listed(name, value) if name in LISTS else value for name, value in fields.items()}
    try:
        return json.dumps(body, allow_nan=False, default=_plain).encode()
    except (TypeError, ValueError) as error:
        raise WrongUsageError(f"a field has a value that JSON has not ({error}). Received: {dict(fields)}") from error


def _listed(name: str, value: object) -> list[object]:
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        raise WrongUsageError(f"{name} wants several numbers, such as [0.5, 1]. Received: {value!r}")
    return list(value)


def _plain(value: object) -> object:
    """A scalar of NumPy's as Python's own."""
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(f"{type(value).__name__} is nothing that JSON has")


def _noise(fields: Mapping[str, Any]) -> dict[str, Any]:
    query = dict(fields)
    if "scales" in query:
        query["scale"] = [float(scale) for scale in query.pop("scales")]
    if "indices" in query:
        query["indices"] = ",".join(str(index) for index in query["indices"])
    return query
