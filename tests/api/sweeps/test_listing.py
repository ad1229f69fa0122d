"""Tests of the list of sweeps: pages, filters, tags."""

from collections.abc import Callable, Iterator

import httpx
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from api.limits import Limits
from tests.support.training import Training


def submitted(http: httpx.Client, **body: object) -> str:
    return str(http.post("/sweeps", json={"scales": [0.1], **body}).raise_for_status().json()["id"])


def pages(http: httpx.Client, path: str) -> Iterator[list[str]]:
    following: str | None = path
    while following:
        page = http.get(following).raise_for_status().json()
        yield [sweep["id"] for sweep in page["sweeps"]]
        following = page["next"]


def listed(http: httpx.Client, path: str) -> list[str]:
    return [sweep_id for page in pages(http, path) for sweep_id in page]


@hypothesis_settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(count=st.integers(0, 12), limit=st.integers(1, 15))
def test_pages_contain_every_sweep_once_newest_first(http: httpx.Client, count: int, limit: int) -> None:
    before = listed(http, "/sweeps?limit=100")
    sweep_ids = [submitted(http) for _ in range(count)]
    by_page = list(pages(http, f"/sweeps?limit={limit}"))
    assert [sweep_id for page in by_page for sweep_id in page] == [*reversed(sweep_ids), *before]
    assert all(len(page) <= limit for page in by_page)


def test_pages_do_not_shift_when_sweeps_change(http: httpx.Client) -> None:
    sweep_ids = [submitted(http) for _ in range(6)]
    first = http.get("/sweeps?limit=2").json()
    submitted(http)
    http.post(f"/sweeps/{sweep_ids[4]}/cancel")
    http.delete(f"/sweeps/{sweep_ids[4]}")
    http.post(f"/sweeps/{sweep_ids[2]}/cancel")
    http.delete(f"/sweeps/{sweep_ids[2]}")
    assert [sweep["id"] for sweep in first["sweeps"]] == [sweep_ids[5], sweep_ids[4]]
    assert listed(http, first["next"]) == [sweep_ids[3], sweep_ids[1], sweep_ids[0]]


def test_sweeps_must_match_all_filters(http: httpx.Client, training: Training) -> None:
    week_3 = submitted(http, name="week 3, A", tags={"course": "ml-101", "group": "a"})
    digits = submitted(http, name="week 3, B", tags={"course": "ml-101", "group": "b"}, dataset="digits")
    other = submitted(http, name="thesis", tags={"course": "ml-202"})
    training.epochs(f"/sweeps/{other}", runs=1, epochs=1, end=True)
    expected = {
        "": [other, digits, week_3],
        "status=queued": [digits, week_3],
        "status=succeeded": [other],
        "dataset=digits": [digits],
        "name=week": [digits, week_3],
        "name=Week": [],
        "tag=course": [other, digits, week_3],
        "tag=course:ml-101": [digits, week_3],
        "tag=course:ml-101&tag=group:a": [week_3],
        "tag=group:": [],
        "tag=nothing": [],
        "name=week&dataset=mnist&tag=group": [week_3],
    }
    for query, sweep_ids in expected.items():
        for limit in (1, 2, 100):
            assert listed(http, f"/sweeps?{query}&limit={limit}") == sweep_ids, query


def test_long_search_is_split_into_pages(serve_with_limits: Callable[[Limits], httpx.Client]) -> None:
    http = serve_with_limits(Limits(sweeps_searched=4))
    oldest = submitted(http, name="needle")
    for _ in range(9):
        submitted(http)
    found = list(pages(http, "/sweeps?name=needle&limit=2"))
    assert found[-1] == [oldest]
    assert [] in found


def test_large_page_is_sent_in_pieces(http: httpx.Client) -> None:
    scales = [n / 100 for n in range(1, 65)]
    sweep_ids = [submitted(http, scales=scales, repeats=1 + number % 2, dataset="digits") for number in range(18)]
    page = http.get("/sweeps?limit=100")
    assert page.headers["Transfer-Encoding"] == "chunked"
    sweeps = page.json()["sweeps"]
    assert [sweep["id"] for sweep in sweeps] == [*reversed(sweep_ids)]
    assert sweeps == [http.get(f"/sweeps/{sweep['id']}").json() for sweep in sweeps]
    assert list(pages(http, "/sweeps?limit=7")) == [[*reversed(sweep_ids)][at : at + 7] for at in range(0, 18, 7)]


def test_tags_are_returned_unchanged(http: httpx.Client) -> None:
    tags = {"course": "ml-101", "note": "Übung: drei"}
    assert http.get(f"/sweeps/{submitted(http, tags=tags)}").json()["tags"] == tags
    run = http.post("/runs", json={"scale": 1, "tags": tags}).json()
    assert http.get(f"/sweeps/{run['sweep_id']}").json()["tags"] == tags
    assert listed(http, "/sweeps?tag=note:%C3%9Cbung: drei") != []


@pytest.mark.parametrize(
    "tags", [{"Course": "x"}, {"": "x"}, {"x" * 33: "x"}, {"x": ""}, {"x": "y" * 65}, {"a:b": "x"}, {"x": 1}, ["x"]]
)
def test_invalid_tags_are_rejected(http: httpx.Client, tags: dict[str, object] | list[str]) -> None:
    answer = http.post("/sweeps", json={"scales": [1], "tags": tags})
    assert answer.status_code == 422
    pointer = answer.json()["errors"][0]["pointer"]
    assert pointer == "#/tags" or pointer in [f"#/tags/{key}" for key in tags]


def test_more_than_sixteen_tags_are_rejected(http: httpx.Client) -> None:
    many = {f"key{number}": "value" for number in range(17)}
    assert http.post("/sweeps", json={"scales": [1], "tags": many}).status_code == 422


@pytest.mark.parametrize(
    "query",
    ["cursor=nonsense", "limit=0", "limit=101", "status=finished", "dataset=../cifar", "cursor=1-5f0c6a1e9b3d274"],
)
def test_invalid_query_is_rejected(http: httpx.Client, query: str) -> None:
    answer = http.get(f"/sweeps?{query}")
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("Invalid: ")
    assert answer.json()["errors"][0]["pointer"] in ("cursor", "limit", "status", "dataset")


def test_unknown_data_set_matches_no_sweep(http: httpx.Client) -> None:
    http.post("/sweeps", json={"scales": [1.0]}).raise_for_status()
    assert http.get("/sweeps?dataset=cifar10").json() == {"sweeps": [], "next": None}
