"""Answers about a sweep while it is trained: equal ETags stand for equal bytes."""

from collections.abc import Callable, Iterator

import httpx

from noisesweep.models import RunError, Sweep
from shared.settings import Settings
from tests.support.claims import reap, release, save, state
from tests.support.training import Training
from tests.support.waiting import wait_until
from worker.devices import Device, DeviceKind
from worker.leases import Leases, Stored
from worker.presence import Presence, profile

CPU = Device(DeviceKind.CPU, processes=2, stack=1, xla=False, reason="no GPU on this host")


def exact_representations(sweep: Sweep) -> Iterator[str]:
    """Yield the path of each exact representation of the sweep and of its first run."""
    links, run = sweep.links, sweep.runs[0].links
    yield from (links.self, links.results, f"{links.results}?format=csv", links.summary, run.self)
    yield from (f"{links.plot}?format=json&kind={kind}" for kind in ("accuracy", "epochs", "matrix", "confusion"))
    yield from (f"{run.plot}?format=json&kind={kind}" for kind in ("epochs", "confusion"))
    yield f"/plots/compare?sweep={sweep.id}&format=json"


class Observer:
    """Observer of all exact representations of a sweep. It fails if one ETag stands for different bytes."""

    def __init__(self, http: httpx.Client, sweep: Sweep) -> None:
        self._http, self._paths = http, list(exact_representations(sweep))
        self._bodies: dict[str, bytes] = {}

    def after(self, change: Callable[[], object]) -> None:
        """Make a change, and read every representation."""
        change()
        for path in self._paths:
            answer = self._http.get(path).raise_for_status()
            etag = answer.headers["ETag"]
            assert self._bodies.setdefault(etag, answer.content) == answer.content, path
            assert etag.startswith('"')


def test_equal_etags_stand_for_equal_bytes_while_training(
    http: httpx.Client, settings: Settings, leases: Leases, training: Training
) -> None:
    body = {"scales": [0.1, 0.5, 1.0], "dataset": "digits", "epochs": 3, "keep_model": True}
    sweep = Sweep.model_validate_json(http.post("/sweeps", json=body).content)
    path, observe = sweep.links.self, Observer(http, sweep)
    observe.after(lambda: None)
    observe.after(lambda: Presence(leases.redis, profile("7@here", CPU, processes=2)).beat())
    claim = training.claim(path, runs=3)
    first, second, third = claim.runs
    observe.after(lambda: training.commit(claim, 0, epoch=0))
    observe.after(lambda: training.commit(claim, 0, epoch=0))  # repeated
    observe.after(lambda: save(leases, claim, first, state(1)))
    observe.after(lambda: leases.warn(claim, first, Stored.CHECKPOINT, "The checkpoint could not be stored."))
    observe.after(lambda: save(leases, claim, first, state(1, 5)))
    observe.after(lambda: leases.warn(claim, first, Stored.MODEL, "The model could not be stored."))
    observe.after(lambda: leases.save_model(claim, first, b"PK"))
    observe.after(lambda: leases.renew(claim))
    observe.after(lambda: release(leases, claim, second, state(0, 5)))
    observe.after(lambda: leases.fail(claim, third, RunError(code="diverged", message="The loss became NaN.")))
    observe.after(lambda: http.post(f"{path}/retry"))
    observe.after(lambda: http.patch(path, json={"name": "week 4"}))
    observe.after(lambda: http.post(f"{sweep.links.runs[2]}/cancel"))
    observe.after(lambda: training.commit(claim, 0, epoch=1))
    observe.after(lambda: training.commit(claim, 0, epoch=2))
    observe.after(lambda: training.succeed(claim, 0))
    brief = Leases(settings.model_copy(update={"lease_seconds": 0.1}))
    observe.after(lambda: brief.claim(limit=1))
    observe.after(lambda: wait_until(lambda: reap(brief).requeued == 1))
    again = brief.claim(limit=1)
    assert again
    observe.after(lambda: http.post(f"{path}/cancel"))
    observe.after(lambda: brief.cancel(again, again.runs[0]))
    observe.after(lambda: http.post(f"{path}/runs", json={"scales": [2.0], "seeds": [1]}))
    brief.close()
    assert {run["status"] for run in http.get(path).json()["runs"]} == {"succeeded", "cancelled", "queued"}
