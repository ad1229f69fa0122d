"""Conditional requests: 304 if the client has the current version, 412 if a change is meant for another version."""

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from redis import Redis

from api.http.conditional import NotModified, raise_if_not_modified
from tests.support.training import Training

LINKS = ["self", "plot", "results"]


@pytest.mark.parametrize("link", LINKS)
def test_unchanged_sweep_returns_304_until_it_changes(http: httpx.Client, training: Training, link: str) -> None:
    sweep = http.post("/sweeps", json={"scales": [0.1, 0.5]}).json()
    path = sweep["links"][link]
    etag = http.get(path).headers["ETag"]
    assert etag.startswith("W/") == (link == "plot")  # a picture depends on the fonts of the host
    known = {"If-None-Match": etag}
    unchanged = http.get(path, headers=known)
    assert (unchanged.status_code, unchanged.content, unchanged.headers["ETag"]) == (304, b"", etag)
    claim = training.claim(sweep["links"]["self"], runs=2)
    for change in (
        lambda: training.commit(claim, 0, epoch=0),
        lambda: training.succeed(claim, 0),
        lambda: http.post(f"{sweep['links']['self']}/cancel"),
    ):
        change()
        changed = http.get(path, headers=known)
        assert changed.status_code == 200
        known = {"If-None-Match": changed.headers["ETag"]}
        assert http.get(path, headers=known).status_code == 304


@pytest.mark.parametrize("link", ["self", "plot"])
def test_unchanged_run_returns_304_until_it_changes(http: httpx.Client, training: Training, link: str) -> None:
    run = http.post("/runs", json={"scale": 0.5}).json()
    path = run["links"][link]
    known = {"If-None-Match": http.get(path).headers["ETag"]}
    assert http.get(path, headers=known).status_code == 304
    training.epochs(f"/sweeps/{run['sweep_id']}", runs=1, epochs=1)
    assert http.get(path, headers=known).status_code == 200
    assert http.get(path.replace("-0", "-1"), headers={"If-None-Match": "*"}).status_code == 404


def test_304_reads_no_runs_or_epochs(http: httpx.Client, training: Training, redis: Redis) -> None:
    sweep = http.post("/sweeps", json={"scales": [0.1, 0.5]}).json()["links"]
    training.epochs(sweep["self"], runs=2, epochs=3, end=True)
    etag = http.get(sweep["results"]).headers["ETag"]
    redis.config_resetstat()
    assert http.get(sweep["results"], headers={"If-None-Match": etag}).status_code == 304
    commands = {name.removeprefix("cmdstat_") for name in redis.info("commandstats")}
    assert not commands & {"fcall", "hgetall", "lrange", "lindex"}, "expected no reads of run records or epochs"
    assert "hmget" in commands


@pytest.mark.parametrize(
    ("header", "known"),
    [
        ('"7"', True),
        ('W/"7"', True),
        ('"1", "7"', True),
        ("*", True),
        ('"77"', False),
        ("7", False),
        ("", False),
        (None, False),
    ],
)
def test_if_none_match_is_compared_as_in_the_rfc(header: str | None, known: bool) -> None:
    if known:
        for etag in ('"7"', 'W/"7"'):
            with pytest.raises(NotModified):
                raise_if_not_modified(header, {"ETag": etag})
    else:
        raise_if_not_modified(header, {"ETag": '"7"'})


def test_invalid_request_returns_422_despite_if_none_match(http: httpx.Client) -> None:
    results = http.post("/sweeps", json={"scales": [0.1]}).json()["links"]["results"]
    assert http.get(results, headers={"If-None-Match": "*"}).status_code == 304
    assert http.get(results, params={"format": "xml"}, headers={"If-None-Match": "*"}).status_code == 422


# Changes of a sweep, each with the body and with whether the sweep must have ended.
CHANGES: list[tuple[str, str, dict[str, object] | None, bool]] = [
    ("DELETE", "{sweep}", None, True),
    ("POST", "{sweep}/runs", {"scales": [0.9]}, False),
    ("POST", "{sweep}/runs", {"scales": [0.1]}, False),  # the sweep has this scale already
    ("PATCH", "{sweep}", {"name": "week 4"}, False),
    ("POST", "{sweep}/cancel", None, False),
    ("POST", "{sweep}/retry", None, True),
    ("POST", "{run}/cancel", None, False),
]


@pytest.mark.parametrize(("method", "path", "body", "ended"), CHANGES)
def test_change_meant_for_another_version_returns_412(
    http: httpx.Client, method: str, path: str, body: dict[str, object] | None, ended: bool
) -> None:
    sweep = http.post("/sweeps", json={"scales": [0.1, 0.5]}).json()["links"]
    resource = sweep["runs"][0] if "{run}" in path else sweep["self"]
    stale, other = (http.get(each).headers["ETag"] for each in (resource, sweep["results"]))
    http.post(f"{sweep['self']}/cancel" if ended else f"{sweep['runs'][1]}/cancel")
    current = http.get(resource).headers["ETag"]

    def change(if_match: str) -> httpx.Response:
        url = path.format(sweep=sweep["self"], run=sweep["runs"][0])
        return http.request(method, url, json=body, headers={"If-Match": if_match})

    for etags in (stale, f"W/{current}", other, '"x", "y"', "", current.strip('"')):
        refused = change(etags)
        assert (refused.status_code, refused.json()["type"]) == (412, "/problems/precondition-failed")
        assert refused.headers["ETag"] == current
        assert current in refused.json()["detail"]
        assert ("Accept-Encoding: identity" in refused.json()["detail"]) == (etags == f"W/{current}")
    assert http.get(resource).headers["ETag"] == current
    changed = change(f"{stale}, {current}")
    assert changed.status_code in (200, 202, 204)
    if changed.status_code != 204:
        assert changed.headers["ETag"] == http.get(resource).headers["ETag"]
        assert change("*").status_code in (200, 202, 409)


def test_only_one_of_concurrent_changes_of_a_version_succeeds(http: httpx.Client) -> None:
    sweep = http.post("/sweeps", json={"scales": [0.1]}).headers["Location"]
    headers = {"If-Match": http.get(sweep).headers["ETag"]}

    def extend(scale: int) -> int:
        return http.post(f"{sweep}/runs", json={"scales": [scale]}, headers=headers).status_code

    with ThreadPoolExecutor(8) as threads:
        statuses = sorted(threads.map(extend, range(1, 9)))
    assert statuses == [202] + [412] * 7
    assert len(http.get(sweep).json()["runs"]) == 2
