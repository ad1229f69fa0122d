"""Tests of PATCH /sweeps/{id}, which changes the name and the tags of a sweep."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import httpx
import pytest
from redis import Redis

from api.sweeps.admission import stored_bytes
from noisesweep.models import Sweep, SweepRequest
from shared.store.keys import BYTES
from tests.api.conftest import Serve
from tests.support.event_stream import EventStream
from tests.support.key_space import assert_consistent
from tests.support.keys import configured
from tests.support.training import Training

# Scales that are not exact in binary, to see that an edit changes none of them.
BODY = {"scales": [0.1, 0.7], "dataset": "digits", "epochs": 1, "name": "week 3", "tags": {"course": "ml-101"}}
KEYS = configured("alice", bob="instructor")
ALICE, BOB = {"Authorization": "Bearer ns_alice"}, {"Authorization": "Bearer ns_bob"}


def submit(http: httpx.Client, **headers: str) -> Sweep:
    return read(http.post("/sweeps", json=BODY, headers=headers))


def edit(http: httpx.Client, sweep: Sweep, headers: dict[str, str] | None = None, **body: Any) -> httpx.Response:
    return http.patch(sweep.links.self, json=body, headers=headers)


def read(answer: httpx.Response) -> Sweep:
    return Sweep.model_validate_json(answer.raise_for_status().content)


def test_edit_changes_only_the_given_fields(http: httpx.Client, redis: Redis) -> None:
    sweep = submit(http)
    answer = edit(http, sweep, name="  week 4 ")
    assert answer.status_code == 200
    assert answer.headers["ETag"] == http.get(sweep.links.self).headers["ETag"]
    renamed = read(answer)
    assert renamed.version > sweep.version
    assert renamed.model_dump(exclude={"version"}) == sweep.model_dump(exclude={"version"}) | {"name": "week 4"}
    tagged = read(edit(http, sweep, tags={"group": "b"}))
    assert (tagged.name, tagged.tags) == ("week 4", {"course": "ml-101", "group": "b"})
    bare = read(edit(http, sweep, name=None, tags=None))
    assert (bare.name, bare.tags) == (None, {})
    assert read(http.get(sweep.links.self)) == bare
    assert_consistent(redis)


def test_lists_follow_an_edit(http: httpx.Client) -> None:
    sweep = submit(http)
    edit(http, sweep, name="week 4", tags={"group": "b", "course": None})

    def listed(query: str) -> list[str]:
        return [each["id"] for each in http.get(f"/sweeps?{query}").json()["sweeps"]]

    assert [listed(query) for query in ("name=week%204", "tag=group:b")] == [[sweep.id]] * 2
    assert [listed(query) for query in ("name=week%203", "tag=course")] == [[], []]
    assert [len(http.get(f"/class?tag={tag}").json()["sweeps"]) for tag in ("group:b", "course")] == [1, 0]


def test_repeated_edit_changes_nothing(http: httpx.Client) -> None:
    sweep = submit(http)
    assert read(edit(http, sweep, name="week 3", tags=BODY["tags"])) == sweep
    renamed = read(edit(http, sweep, name="week 4"))
    assert read(edit(http, sweep, name="week 4")) == renamed


@pytest.mark.parametrize(("body", "pointer", "detail"), [
    ({}, "#", "expected name or tags, received neither"),
    ({"name": ""}, "#/name", "expected text with 1 or more characters"),
    ({"name": "x" * 101}, "#/name", "expected text with up to 100 characters"),
    ({"name": "a\nb"}, "#/name", "expected text without control characters"),
    ({"tags": []}, "#/tags", "expected a JSON object"),
    ({"tags": {"Course": "ml"}}, "#/tags/Course", "expected 1 to 32 characters of a-z 0-9 _ . -"),
    ({"tags": {"course": "x" * 65}}, "#/tags/course", "expected text with up to 64 characters"),
    ({"tags": {f"k{number}": "x" for number in range(16)}}, "#/tags", "expected up to 16 tags, received a change"),
    ({"scales": [1.0]}, "#/scales", "expected no field of this name"),
])  # fmt: skip
def test_edit_has_the_limits_of_a_submission(
    http: httpx.Client, body: dict[str, Any], pointer: str, detail: str
) -> None:
    sweep = submit(http)
    answer = edit(http, sweep, **body)
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert (error["pointer"], error["detail"].startswith(detail)) == (pointer, True), error
    assert read(http.get(sweep.links.self)) == sweep


def test_concurrent_edits_are_all_made(http: httpx.Client) -> None:
    sweep = submit(http)
    tags = [{f"k{number}": "x"} for number in range(12)]
    changes: list[dict[str, Any]] = [{"name": "week 4"}, *({"tags": tag} for tag in [*tags, {"course": None}])]
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda body: edit(http, sweep, **body), changes))
    assert {answer.status_code for answer in answers} == {200}
    edited = read(http.get(sweep.links.self))
    assert (edited.name, edited.tags) == ("week 4", {f"k{number}": "x" for number in range(12)})


def test_media_type_of_merge_patches_is_accepted(http: httpx.Client) -> None:
    sweep, patch = submit(http), b'{"tags": {"course": null, "missing": null, "group": "b"}}'
    headers = {"Content-Type": "application/merge-patch+json"}
    assert read(http.patch(sweep.links.self, content=patch, headers=headers)).tags == {"group": "b"}


def test_all_sixteen_tags_are_replaced_in_one_edit(http: httpx.Client) -> None:
    sweep = submit(http)
    old, new = ([f"{letter}{number}" for number in range(16)] for letter in "ab")
    edit(http, sweep, tags=dict.fromkeys(old, "x") | {"course": None}).raise_for_status()
    edited = read(edit(http, sweep, tags=dict.fromkeys(old) | dict.fromkeys(new, "y")))
    assert edited.tags == dict.fromkeys(new, "y")


def test_subscribers_learn_of_an_edit_of_an_open_sweep(http: httpx.Client, training: Training) -> None:
    sweep = submit(http)
    stream = EventStream(http, sweep.links.events)
    for name in ("week 4", "week 5", "week 6"):
        edit(http, sweep, name=name)
        stream.wait_for(["week 4", "week 5", "week 6"].index(name) + 1)
    training.epochs(sweep.links.self, runs=2, epochs=1, end=True)
    stream.end()
    assert stream.types[:3] == ["sweep.edited"] * 3
    assert [event.run_id for event in stream.events[:3]] == [None] * 3
    assert read(http.get(sweep.links.self)).name == "week 6"


def test_only_the_last_edit_stays_in_the_events(http: httpx.Client, training: Training, redis: Redis) -> None:
    sweep = submit(http)
    for number in range(20):
        edit(http, sweep, name=f"week {number}")
    training.epochs(sweep.links.self, runs=2, epochs=1, end=True)
    ended = read(http.get(sweep.links.self))
    assert read(edit(http, sweep, name="week 20")).version > ended.version
    events = http.get(sweep.links.events, headers={"Accept": "application/json"}).json()["events"]
    types = [event["type"] for event in events]
    assert types.count("sweep.edited") == 1
    assert types[-1] == "sweep.ended"
    stream = EventStream(http, sweep.links.events)
    stream.end()
    assert stream.types == types
    assert_consistent(redis)


def test_workers_train_an_edited_sweep(http: httpx.Client, training: Training) -> None:
    sweep = submit(http)
    claim = training.claim(sweep.links.self, runs=2)
    edit(http, sweep, name="week 4")
    for position in range(2):
        training.commit(claim, position, epoch=0)
        training.succeed(claim, position)
    assert read(http.get(sweep.links.self)).status == "succeeded"
    assert http.get(f"{sweep.links.runs[0]}").json()["config"] == http.get(sweep.links.self).json()["config"]


def test_repeated_submission_returns_the_edited_sweep(http: httpx.Client) -> None:
    headers = {"Idempotency-Key": "an edited sweep"}
    sweep = submit(http, **headers)
    edited = read(edit(http, sweep, name="week 4", tags=None))
    assert submit(http, **headers) == edited
    other = http.post("/sweeps", json=BODY | {"name": "week 4", "tags": {}}, headers=headers)
    assert other.json()["type"] == "/problems/idempotency-key-reused"


def test_edited_text_counts_for_the_submitter(serve: Serve, redis: Redis) -> None:
    request = SweepRequest.model_validate(BODY)
    longer = request.model_copy(update={"name": "x" * 100})
    http = serve(max_stored_bytes=stored_bytes(request, 2), api_keys=KEYS)  # an edit is never refused
    sweep = submit(http, **ALICE)

    def counted() -> dict[str, int]:
        return {key: int(size) for key, size in cast("dict[str, str]", redis.hgetall(BYTES)).items()}

    assert counted() == {"alice": stored_bytes(request, 2)}
    assert edit(http, sweep, BOB, name="x" * 100).status_code == 200
    assert counted() == {"alice": stored_bytes(longer, 2)}
    assert edit(http, sweep, ALICE, name="week 3").status_code == 200
    assert counted() == {"alice": stored_bytes(request, 2)}
    http.post(f"{sweep.links.self}/cancel", headers=ALICE).raise_for_status()
    http.delete(sweep.links.self, headers=ALICE).raise_for_status()
    assert not redis.exists(BYTES)
