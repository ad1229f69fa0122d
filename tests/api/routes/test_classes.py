"""Results and plot of a class over HTTP."""

import asyncio
import json
from collections.abc import Callable
from functools import partial
from typing import Any, cast

import httpx
import pytest
from redis import Redis

from api.dependencies import Reads
from api.http.errors import TooBusyError
from api.http.turns import Turns
from api.limits import Limits
from api.sweeps.tagged import RECORDS_PER_READ
from api.sweeps.view import SweepView
from noisesweep.models import ClassResults, SweepRequest
from shared.store.keys import SCHEMA, SweepKeys
from tests.api.conftest import Serve
from tests.support.keys import configured
from tests.support.pictures import PNG_MAGIC
from tests.support.stored_sweeps import Sweeps
from tests.support.training import Training

TAG = "course:ml-101"
KEYS = ["ada", "ben"]


def submit(http: httpx.Client, tag: str = TAG, key: str = "", **changes: Any) -> str:
    name, _, value = tag.partition(":")
    body = {"scales": [0.5, 1.0], "epochs": 1, "dataset": "digits", "tags": {name: value}, "reuse": False}
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return str(http.post("/sweeps", json=body | changes, headers=headers).raise_for_status().json()["id"])


def finish(http: httpx.Client, training: Training, **changes: Any) -> str:
    sweep_id = submit(http, **changes)
    training.epochs(f"/sweeps/{sweep_id}", runs=2, epochs=1, end=True)
    return sweep_id


def read(http: httpx.Client, tag: str = TAG, **headers: str) -> httpx.Response:
    return http.get("/class", params={"tag": tag}, headers=headers).raise_for_status()


def results(http: httpx.Client, tag: str = TAG) -> ClassResults:
    return ClassResults.model_validate_json(read(http, tag).content)


def ids(http: httpx.Client, tag: str = TAG) -> list[str]:
    return [sweep.id for sweep in results(http, tag).sweeps]


def test_class_has_the_sweeps_with_its_tag(http: httpx.Client, training: Training) -> None:
    first = finish(http, training, seeds=[1])
    other = submit(http, "course:ml-102")
    submit(http, "group:course")
    last = finish(http, training, seeds=[2])
    assert ids(http) == [last, first]
    assert ids(http, "course") == [last, other, first]
    assert ids(http, "course:ml") == []
    answer = read(http)
    found = ClassResults.model_validate_json(answer.content)
    assert [(at.scale, at.networks) for at in found.scales] == [(0.5, 2), (1.0, 2)]
    assert [sweep.link for sweep in found.sweeps] == [f"/sweeps/{last}", f"/sweeps/{first}"]
    assert answer.headers["Content-Disposition"] == 'inline; filename="class-course-ml-101.json"'


def test_members_are_the_names_of_keys(serve: Serve, training: Training) -> None:
    http = serve(api_keys=configured(*KEYS))
    done = submit(http, key="ns_ben")
    training.epochs(f"/sweeps/{done}", runs=2, epochs=1, end=True)
    submit(http, key="ns_ada")
    http.headers["Authorization"] = "Bearer ns_ada"
    found = results(http)
    assert [(each.name, each.finished, each.link) for each in found.members] == [
        ("ada", 0, None),
        ("ben", 1, f"/sweeps/{done}"),
    ]


def test_class_before_its_first_sweep_is_empty(http: httpx.Client) -> None:
    found = results(http, "course:übung")
    assert (found.sweeps, found.members, found.scales) == ([], [], [])
    assert found.sentence == "No sweep has the tag course:übung yet."
    assert http.get("/plots/class", params={"tag": TAG}).content.startswith(PNG_MAGIC)
    assert http.get("/plots/class", params={"tag": TAG, "format": "json"}).json()["panels"] == []


@pytest.mark.parametrize("tag", ["", "Course", "a b", ":x", "course:", "course:" + "x" * 65, "x" * 33, "course:a\nb"])
@pytest.mark.parametrize("path", ["/class", "/plots/class"])
def test_text_that_is_not_a_tag_is_rejected(http: httpx.Client, path: str, tag: str) -> None:
    answer = http.get(path, params={"tag": tag})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["detail"].startswith("expected a tag, key or key:value")


def test_value_may_contain_a_colon(http: httpx.Client) -> None:
    assert ids(http, "note:a:b") == []
    sweep_id = submit(http, "note:a:b")
    assert ids(http, "note:a:b") == [sweep_id]


def test_plot_has_a_line_for_each_sweep(http: httpx.Client, training: Training) -> None:
    sweeps = [finish(http, training, seeds=[seed]) for seed in (1, 2)]
    plot = http.get("/plots/class", params={"tag": TAG, "format": "json", "log": True}).json()
    assert [curve["sweep_id"] for curve in plot["panels"][0]["curves"]] == [None, *reversed(sweeps)]
    assert plot["panels"][0]["x_axis"]["log"]
    picture = http.get("/plots/class", params={"tag": TAG})
    assert picture.content.startswith(PNG_MAGIC)
    assert picture.headers["Content-Disposition"] == 'inline; filename="class-course-ml-101.png"'


@pytest.mark.parametrize("path", ["/class", "/plots/class"])
def test_etag_changes_with_the_sweeps_of_the_class_only(http: httpx.Client, training: Training, path: str) -> None:
    def etag() -> str:
        return http.get(path, params={"tag": TAG}).headers["ETag"]

    seen = [etag()]
    sweep_id = submit(http)
    seen.append(etag())
    training.epochs(f"/sweeps/{sweep_id}", runs=2, epochs=1, end=True)
    seen.append(etag())
    assert len(set(seen)) == 3
    submit(http, "course:other")
    assert etag() == seen[-1]
    assert http.get(path, params={"tag": TAG}, headers={"If-None-Match": seen[-1]}).status_code == 304
    assert http.get(path, params={"tag": TAG}, headers={"If-None-Match": seen[0]}).status_code == 200
    submit(http)
    http.delete(f"/sweeps/{sweep_id}").raise_for_status()
    assert etag() not in seen


def damage(redis: Redis, sweep_id: str) -> dict[str, Callable[[], object]]:
    keys = SweepKeys(sweep_id)
    return {
        "newer": lambda: redis.hset(keys.record, "schema", SCHEMA + 1),
        "request": lambda: redis.hset(keys.record, "request", '{"tags": {"course"'),
        "request of another type": lambda: redis.hset(keys.record, "request", '["course"]'),
        "type": lambda: redis.set(keys.record, "x"),
        "version": lambda: redis.hset(keys.record, "version", "x"),
        "run": lambda: redis.delete(keys.run(0)),
    }


@pytest.mark.parametrize("kind", damage(Redis(), ""))
def test_unreadable_sweep_is_skipped(http: httpx.Client, redis: Redis, kind: str) -> None:
    first, broken, last = (submit(http) for _ in range(3))
    damage(redis, broken)[kind]()
    assert ids(http) == [last, first]
    etag = read(http).headers["ETag"]
    assert read(http).headers["ETag"] == etag


def test_sweep_of_a_newer_version_does_not_prevent_304(http: httpx.Client, redis: Redis) -> None:
    submit(http)
    damage(redis, submit(http))["newer"]()
    etag = read(http).headers["ETag"]
    assert http.get("/class", params={"tag": TAG}, headers={"If-None-Match": etag}).status_code == 304


@pytest.mark.parametrize(("limit", "kept"), [({"class_sweeps": 2}, 2), ({"class_runs": 5}, 2), ({"class_runs": 6}, 3)])
def test_class_is_bounded(
    serve_with_limits: Callable[[Limits], httpx.Client], limit: dict[str, int], kept: int
) -> None:
    http = serve_with_limits(Limits(**limit))
    sweeps = [submit(http) for _ in range(3)]
    assert ids(http) == sweeps[::-1][:kept]
    remarks = " ".join(results(http).remarks)
    assert ("Older ones may be missing" in remarks) == (kept < 3)


def test_search_reads_all_chunks_of_the_list(serve_with_limits: Callable[[Limits], httpx.Client], redis: Redis) -> None:
    http, sweeps = serve_with_limits(Limits(class_searched=2 * RECORDS_PER_READ)), Sweeps(redis)

    def add_others(count: int) -> None:
        for _ in range(count):
            sweeps.create(SweepRequest(scales=[1], dataset="digits", tags={"other": "x"}))

    oldest = submit(http)
    add_others(RECORDS_PER_READ)
    newest = submit(http)
    assert ids(http) == [newest, oldest]
    assert results(http).remarks == ["2 sweeps have not ended yet, so the results may change."]
    add_others(RECORDS_PER_READ)
    assert ids(http) == [newest]  # only the newest are searched
    assert "Older ones may be missing" in results(http).remarks[-1]


def test_tag_in_a_name_is_not_a_tag(http: httpx.Client) -> None:
    submit(http, "group:b", name=json.dumps({"course": "ml-101"}))
    assert ids(http, "course") == []


def test_search_waits_for_a_turn() -> None:
    async def search_without_a_turn() -> None:
        turns = Turns(at_once=1, waiting=0, waiting_per_key=0)
        view = cast("SweepView", None)  # the search does not begin
        reads = Reads("/class", view, None, partial(turns.turn, "alice"))
        async with turns.turn("bob"):
            with pytest.raises(TooBusyError):
                await reads.tagged("course", Limits())

    asyncio.run(search_without_a_turn())
