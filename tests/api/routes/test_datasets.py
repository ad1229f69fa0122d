import httpx
import pytest

from noisesweep import NoiseSweep


def test_best_possible_accuracy_is_served_at_the_requested_scales(http: httpx.Client) -> None:
    answer = http.get("/datasets/digits/ideal", params={"scales": [1, 0.5, 0]}).json()
    assert [at["scale"] for at in answer["ends"]] == [1, 0.5, 0]
    assert all(0.9 < at["lower"] <= at["upper"] <= 1 for at in answer["ends"])
    assert 0.05 < answer["chance"] < 0.2
    clipped = http.get("/datasets/digits/ideal", params={"scales": 1, "clip": True}).json()
    assert clipped["ends"][0]["lower"] < answer["ends"][0]["lower"]
    assert len(http.get("/datasets/digits/ideal").json()["ends"]) == 40


@pytest.mark.parametrize(
    ("path", "query"),
    [("cifar10", {}), ("digits", {"scales": [1, 1]}), ("digits", {"scales": -1}), ("digits", {"scale": 1})],
)
def test_invalid_request_is_refused(http: httpx.Client, path: str, query: dict[str, object]) -> None:
    assert http.get(f"/datasets/{path}/ideal", params=query).status_code == 422  # type: ignore[arg-type]


def test_client_reads_the_best_possible_accuracy(http: httpx.Client) -> None:
    with NoiseSweep(str(http.base_url)) as service:
        limit = service.ideal("digits", [1.0, 2.0], clip=True)
    assert (limit.dataset, limit.clip, [at.scale for at in limit.ends]) == ("digits", True, [1.0, 2.0])
