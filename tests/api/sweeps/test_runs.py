import httpx
import pytest
from redis import Redis

from shared.store.keys import QUEUE, SweepKeys
from tests.support.concurrency import get_all
from tests.support.pictures import PNG_MAGIC
from tests.support.training import Training, invented_metrics


def test_run_is_created_as_a_sweep_of_one(http: httpx.Client, redis: Redis) -> None:
    response = http.post("/runs", json={"scale": 0.5, "seed": 7, "epochs": 3, "dataset": "digits"})
    assert response.status_code == 202
    run = response.json()
    assert response.headers["Location"] == run["links"]["self"] == f"/runs/{run['id']}"
    assert (run["scale"], run["seed"], run["status"], run["epochs"]) == (0.5, 7, "queued", [])
    assert run["config"]["epochs"] == 3
    assert [member["id"] for member in http.get(f"/sweeps/{run['sweep_id']}").json()["runs"]] == [run["id"]]
    assert redis.llen(QUEUE) == 1


def test_run_shows_its_finished_epochs(http: httpx.Client, training: Training) -> None:
    run = http.post("/runs", json={"scale": 0.5, "epochs": 3}).json()
    training.epochs(f"/sweeps/{run['sweep_id']}", runs=1, epochs=2)
    run = http.get(run["links"]["self"]).json()
    assert run["status"] == "running"
    assert run["epochs"] == [invented_metrics(epoch, 0.5).model_dump() for epoch in range(2)]
    assert run["latest_metrics"] == run["epochs"][-1]
    assert run["epochs_done"] == 2


@pytest.mark.parametrize("epochs", [0, 1, 3])
def test_plot_of_a_run_is_a_png(http: httpx.Client, training: Training, epochs: int) -> None:
    run = http.post("/runs", json={"scale": 0.5, "epochs": 3}).json()
    training.epochs(f"/sweeps/{run['sweep_id']}", runs=1, epochs=epochs, end=epochs == 3)
    picture = http.get(run["links"]["plot"])
    assert picture.headers["Content-Type"] == "image/png"
    assert picture.content.startswith(PNG_MAGIC)


def test_run_with_scales_is_rejected(http: httpx.Client, redis: Redis) -> None:
    response = http.post("/runs", json={"scales": [0.5]})
    assert response.status_code == 422
    assert {error["pointer"] for error in response.json()["errors"]} == {"#/scale", "#/scales"}
    assert redis.dbsize() == 0


def test_unknown_run_is_not_found(http: httpx.Client) -> None:
    sweep_id = http.post("/sweeps", json={"scales": [1]}).json()["id"]
    for run_id in (f"{sweep_id}-1", f"{sweep_id}-00", sweep_id, "nonsense"):
        for suffix in ("", "/plot"):
            response = http.get(f"/runs/{run_id}{suffix}")
            assert response.status_code == 404
            assert "No run has the id" in response.json()["detail"]


def test_model_file_is_named_after_the_run(http: httpx.Client, training: Training) -> None:
    run = http.post("/runs", json={"scale": 0.5, "epochs": 1, "keep_model": True}).json()
    assert run["links"]["model"] is None
    training.epochs(f"/sweeps/{run['sweep_id']}", runs=1, epochs=1, end=True, model=bytes(range(256)))
    run = http.get(run["links"]["self"]).json()
    assert run["weights_sha256"] == "ab" * 32
    model = http.get(run["links"]["model"])
    assert model.content == bytes(range(256))
    assert model.headers["Content-Disposition"] == f'attachment; filename="{run["id"]}.keras"'


@pytest.mark.parametrize(
    ("keep_model", "end", "reason"),
    [(False, True, "submit with keep_model"), (True, False, "its status is running"), (True, True, "has expired")],
)
def test_missing_model_is_explained(
    http: httpx.Client, training: Training, keep_model: bool, end: bool, reason: str
) -> None:
    run = http.post("/runs", json={"scale": 0.5, "epochs": 1, "keep_model": keep_model}).json()
    training.epochs(f"/sweeps/{run['sweep_id']}", runs=1, epochs=1, end=end)
    response = http.get(f"/runs/{run['id']}/model")
    assert response.status_code == 404
    assert reason in response.json()["detail"]


def test_one_run_of_a_sweep_can_be_cancelled(http: httpx.Client) -> None:
    runs = http.post("/sweeps", json={"scales": [0.1, 0.5]}).json()["links"]["runs"]
    for _ in range(2):
        answer = http.post(f"{runs[1]}/cancel")
        assert answer.status_code == 202
        assert answer.json()["status"] == "cancelled"
    assert http.get(runs[0]).json()["status"] == "queued"
    assert http.post(f"{runs[1][:-1]}7/cancel").status_code == 404


def test_finished_run_cannot_be_cancelled(http: httpx.Client, training: Training) -> None:
    run = http.post("/runs", json={"scale": 0.5}).json()
    training.epochs(f"/sweeps/{run['sweep_id']}", runs=1, epochs=1, end=True)
    answer = http.post(f"{run['links']['self']}/cancel")
    assert answer.status_code == 409
    assert answer.json()["detail"] == "This run has already ended with the status succeeded."


def test_many_reads_of_runs_share_round_trips(http: httpx.Client, redis: Redis) -> None:
    runs = http.post("/sweeps", json={"scales": [each / 100 for each in range(50)], "repeats": 3}).json()["links"][
        "runs"
    ]
    redis.config_resetstat()
    redis.client_pause(1000)  # all requests arrive before the first reply
    answers = get_all(http, runs)
    assert [answer.json()["links"]["self"] for answer in answers] == runs
    assert redis.info("commandstats")["cmdstat_fcall"]["calls"] >= len(runs)  # a new connection makes a call, too
    assert redis.info("stats")["total_reads_processed"] < len(runs) / 3
    redis.client_pause(1000)
    conditional = get_all(http, runs, [{"If-None-Match": answer.headers["ETag"]} for answer in answers])
    assert {answer.status_code for answer in conditional} == {304}


def test_unreadable_run_does_not_break_reads_of_others(http: httpx.Client, redis: Redis) -> None:
    links = http.post("/sweeps", json={"scales": [0.1, 0.5, 1]}).json()["links"]
    keys = SweepKeys(links["self"].split("/")[-1])
    redis.set(keys.epochs(0), "not a list")
    redis.hdel(keys.run(1), "scale")
    redis.client_pause(500)
    answers = get_all(http, [*links["runs"], f"{links['runs'][0][:-1]}7"])
    assert [answer.status_code for answer in answers] == [503, 500, 200, 404]
