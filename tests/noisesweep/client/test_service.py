"""Tests of the client against the real API, with lost answers and broken connections."""

import asyncio
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import Literal, TypedDict

import httpx
import pandas as pd
import pytest

from noisesweep import AsyncNoiseSweep, NoiseSweep, RefusedError, SweepHandle, WrongUsageError
from noisesweep.client._sync.service import PAGE_SIZE
from noisesweep.models import Event, EventType, InvalidField, Problem, RunStatus
from tests.support.api import ApiThread
from tests.support.pictures import PNG_MAGIC
from tests.support.proxy import Proxy
from tests.support.training import Training
from tests.support.waiting import wait_until


class Small(TypedDict):
    dataset: Literal["digits"]
    epochs: int
    hidden_units: list[int]


TWO = [0.1, 0.5]
SMALL: Small = {"dataset": "digits", "epochs": 2, "hidden_units": [8]}
ALL_EVENTS = ["run.started"] * 2 + (["epoch"] * 2 + ["run.ended"]) * 2 + ["sweep.ended"]


def train(training: Training, sweep: SweepHandle) -> SweepHandle:
    training.epochs(sweep.record.links.self, runs=len(sweep.record.runs), epochs=2, end=True)
    return sweep.refresh()


def test_submitted_sweep_can_be_read_again(service: NoiseSweep) -> None:
    sweep = service.submit(scales=TWO, **SMALL, name="week 3", tags={"course": "ml-101"})
    assert sweep.record.scales == TWO
    assert sweep.status is RunStatus.QUEUED
    assert service.sweep(sweep.id).record == sweep.record
    assert service.run(f"{sweep.id}-1").scale == 0.5
    assert repr(sweep) == f"<sweep {sweep.id}: queued, 0 of 4 epochs; digits at scale 0.1 0.5 (week 3)>"


def test_list_spans_all_pages(service: NoiseSweep) -> None:
    groups = [str(number % 2) for number in range(2 * PAGE_SIZE + 3)]
    ids = [service.submit(scales=[0.1], **SMALL, tags={"group": group}).id for group in groups]
    assert [sweep.id for sweep in service.sweeps()] == ids[::-1]
    assert [sweep.id for sweep in service.sweeps(tags=["group:1"])] == ids[1::2][::-1]
    assert list(service.sweeps(status="failed")) == []


def test_service_lists_datasets_workers_and_queue(service: NoiseSweep) -> None:
    assert "digits" in {dataset.name for dataset in service.datasets()}
    assert service.workers() == []
    assert service.queue().queued_runs == 0
    assert service.estimate(scales=TWO, repeats=3).runs == 6
    assert list(service.sweeps()) == []


def test_results_are_available_in_all_forms(service: NoiseSweep, training: Training, tmp_path: Path) -> None:
    sweep = train(training, service.submit(scales=TWO, **SMALL))
    frame = sweep.results()
    assert isinstance(frame, pd.DataFrame)
    assert frame.groupby("scale")["val_accuracy"].max().to_dict() == {0.1: 1 / 1.1, 0.5: 1 / 1.5}
    assert list(frame.columns) == sweep.csv().decode().splitlines()[0].split(",")
    assert [at.scale for at in sweep.typed_results().scales] == TWO
    assert sweep.summary().sweep_id == sweep.id
    plot = sweep.plot(tmp_path / "curve.PNG", theme="dark", log=True)
    assert plot.read_bytes().startswith(PNG_MAGIC)
    assert sweep.plot(tmp_path / "matrix.svg", kind="matrix").read_text().startswith("<?xml")
    assert service.compare([sweep], tmp_path / "one.pdf").read_bytes().startswith(b"%PDF")
    assert sweep._repr_png_().startswith(PNG_MAGIC)


def test_two_sweeps_are_compared_in_numbers(service: NoiseSweep, training: Training) -> None:
    first, second = (train(training, service.submit(scales=TWO, **SMALL, reuse=False)) for _ in range(2))
    found = service.comparison(first, second.id)
    assert found.sweep_ids == [first.id, second.id]
    assert [at.scale for at in found.scales] == TWO
    other = service.submit(scales=[3.0], **SMALL)
    with pytest.raises(RefusedError, match="no run at the same scale"):
        service.comparison(first, other)


def test_without_pandas_results_are_a_list_of_dicts(
    service: NoiseSweep, training: Training, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = train(training, service.submit(scales=[0.5], **SMALL))
    monkeypatch.setitem(sys.modules, "pandas", None)
    assert [(row["scale"], row["epoch"]) for row in sweep.results()] == [(0.5, 0), (0.5, 1)]


def test_noise_can_be_previewed(service: NoiseSweep, tmp_path: Path) -> None:
    samples = service.noise(dataset="digits", scales=[0.5], indices=[0, -1])
    assert [at.scale for at in samples.statistics] == [0.5]
    assert len(samples.samples) == 2
    plot = service.noise_plot(tmp_path / "noise.png", dataset="digits", scales=[0.5], indices=[0, -1])
    assert plot.read_bytes().startswith(PNG_MAGIC)


def test_sweep_is_cancelled_retried_extended_and_deleted(service: NoiseSweep) -> None:
    sweep = service.submit(scales=[0.1], **SMALL)
    assert sweep.cancel().status is RunStatus.CANCELLED
    assert sweep.retry().status is RunStatus.QUEUED
    assert len(sweep.extend(scales=[0.5], seeds=[1]).record.runs) == 4
    with pytest.raises(RefusedError, match="cancel it first"):
        sweep.delete()
    sweep.cancel().delete()
    with pytest.raises(RefusedError, match=sweep.id):
        sweep.refresh()


def test_name_and_tags_are_edited(service: NoiseSweep) -> None:
    sweep = service.submit(scales=[0.1], **SMALL, name="week 3", tags={"course": "ml-101"})
    assert sweep.edit(name="week 4").record.name == "week 4"
    assert sweep.edit(name=None, tags={"group": "b", "course": None}).record == service.sweep(sweep.id).record
    assert (sweep.record.name, sweep.record.tags) == (None, {"group": "b"})
    with pytest.raises(RefusedError, match="expected name or tags, received neither"):
        sweep.edit()


def test_sweep_is_repeated_with_fresh_noise(service: NoiseSweep) -> None:
    sweep = service.submit(scales=[0.1], **SMALL)
    fresh = sweep.with_fresh_noise()
    assert fresh.record.config.resample
    assert sweep.with_fresh_noise().id == fresh.id != sweep.id


def test_wait_ends_with_the_sweep_or_times_out(service: NoiseSweep, training: Training) -> None:
    sweep = service.submit(scales=TWO, **SMALL)
    with pytest.raises(TimeoutError, match=r"queued after 0\.2 s"):
        sweep.wait(0.2)
    train(training, service.sweep(sweep.id))
    assert sweep.wait(30).status is RunStatus.SUCCEEDED


def test_rejection_lists_every_invalid_field(service: NoiseSweep) -> None:
    with pytest.raises(RefusedError) as refused:
        service.submit(scales=[-1], epochs=0)
    assert str(refused.value) == ("epochs: expected a number of at least 1; scales/0: expected a number of at least 0")
    assert refused.value.problem.type == "/problems/invalid-request"


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("localhost:8000", None),
        ("ftp://x", None),
        (None, "schlüssel"),
        (None, "a key"),
        ("http://a:b", None),
        ("http://name:password@host", None),
    ],
)
def test_invalid_url_or_key_is_rejected_immediately(url: str | None, key: str | None) -> None:
    with pytest.raises(WrongUsageError) as refused:
        NoiseSweep(url, key)
    assert "password@" not in str(refused.value)


def test_url_and_key_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOISESWEEP_URL", "http://127.0.0.1:9/")
    monkeypatch.setenv("NOISESWEEP_API_KEY", "ns_secret")
    with NoiseSweep() as service:
        assert repr(service) == "<NoiseSweep at http://127.0.0.1:9>"
        assert service._session.http.headers["Authorization"] == "Bearer ns_secret"  # noqa: SLF001 - the only place with the key
        assert "ns_secret" not in repr(vars(service))


def test_unknown_plot_format_is_rejected_before_the_request(service: NoiseSweep) -> None:
    with pytest.raises(WrongUsageError, match=r"\.png, \.svg or \.pdf"):
        service.compare(["0123456789abcdef"], "curve.bmp")


@pytest.mark.parametrize("cut", [0, 1, 100])
def test_lost_answer_creates_no_second_sweep(service: NoiseSweep, proxy: Callable[..., Proxy], cut: int) -> None:
    lossy_proxy = proxy(cut)
    with NoiseSweep(lossy_proxy.url) as lossy:
        sweep = lossy.submit(scales=TWO, **SMALL)
    assert lossy_proxy.connections == 2
    assert [each.id for each in service.sweeps()] == [sweep.id]


def test_interrupted_stream_is_resumed(service: NoiseSweep, training: Training, proxy: Callable[..., Proxy]) -> None:
    sweep = train(training, service.submit(scales=TWO, **SMALL))
    expected = list(sweep.follow())
    assert [event.type for event in expected] == ALL_EVENTS
    lossy_proxy = proxy(3200, 700, 100, 900, 0, 1100, 1300)
    with NoiseSweep(lossy_proxy.url) as lossy:
        assert list(lossy.sweep(sweep.id).follow()) == expected
    assert lossy_proxy.connections > 7


def test_follow_survives_a_restart_of_the_api(api: ApiThread, training: Training) -> None:
    with NoiseSweep(api.url) as service:
        sweep = service.submit(scales=TWO, **SMALL)
        received: list[Event] = []

        def follow() -> None:
            for event in sweep.follow():
                received.append(event)  # noqa: PERF402 - the test reads the list in the meantime

        subscriber = Thread(target=follow)
        subscriber.start()
        claim = training.claim(sweep.record.links.self, runs=2)
        training.commit(claim, 0, epoch=0)
        wait_until(lambda: len(received) == 3)
        api.stop()
        training.commit(claim, 0, epoch=1)
        training.succeed(claim, 0)
        api.start()
        training.commit(claim, 1, epoch=0)
        training.commit(claim, 1, epoch=1)
        training.succeed(claim, 1)
        subscriber.join(30)
        assert not subscriber.is_alive()
        assert [event.type for event in received] == ALL_EVENTS
        assert sweep.status is RunStatus.SUCCEEDED
        assert received == list(sweep.follow())


def test_follow_fails_if_the_sweep_is_deleted(service: NoiseSweep) -> None:
    sweep = service.submit(scales=TWO, **SMALL).cancel()
    events = sweep.follow()
    assert next(events).type is EventType.RUN_ENDED
    sweep.delete()
    with pytest.raises(RefusedError, match=sweep.id):
        list(events)


def test_async_client_supports_all_operations(
    http: httpx.Client, training: Training, proxy: Callable[..., Proxy], tmp_path: Path
) -> None:
    async def use(url: str) -> None:
        async with AsyncNoiseSweep(url) as service:
            sweep = await service.submit(scales=TWO, **SMALL)
            training.epochs(sweep.record.links.self, runs=2, epochs=2, end=True)
            assert [event.type async for event in sweep.follow()] == ALL_EVENTS
            assert sweep.status is RunStatus.SUCCEEDED
            assert (await sweep.wait()).id == sweep.id
            assert [each.id async for each in service.sweeps()] == [sweep.id]
            assert len(await sweep.results()) == 4
            assert (await sweep.plot(tmp_path / "curve.png")).read_bytes().startswith(PNG_MAGIC)
            assert (await sweep.summary()).sweep_id == sweep.id
            assert (await service.estimate(scales=[1])).runs == 1
            assert await service.workers() == []
            assert len((await sweep.extend(scales=[2.0])).record.runs) == 3
            assert (await sweep.cancel()).status is RunStatus.CANCELLED
            await sweep.delete()

    asyncio.run(use(proxy(0, 150, 2000, 1500, 1200).url))


def test_async_wait_times_out(service: NoiseSweep) -> None:
    async def use() -> None:
        async with AsyncNoiseSweep(service.url) as async_service:
            sweep = await async_service.submit(scales=TWO, **SMALL)
            with pytest.raises(TimeoutError, match=r"queued after 0\.1 s"):
                await sweep.wait(0.1)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(sweep.wait(), 0.1)

    asyncio.run(use())


def test_asyncio_can_cancel_an_unanswered_request() -> None:
    async def use() -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            async with AsyncNoiseSweep(f"http://127.0.0.1:{silent.getsockname()[1]}") as service:
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(service.queue(), 0.2)

    asyncio.run(use())


def test_error_message_is_one_line() -> None:
    fields = [InvalidField(pointer="#/scales/0", detail="too small"), InvalidField(pointer="dpi", detail="too large")]
    problem = Problem(type="/problems/x", title="x", status=422, detail="Wrong.", errors=fields)
    assert str(RefusedError(problem)) == "scales/0: too small; dpi: too large"
    assert str(RefusedError(problem.model_copy(update={"errors": []}))) == "Wrong."
