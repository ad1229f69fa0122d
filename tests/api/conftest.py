from collections.abc import Callable, Iterator
from contextlib import ExitStack

import httpx
import pytest
from redis import Redis

from api.limits import Limits
from noisesweep.models import EpochMetrics
from shared.settings import Settings
from tests.conftest import RedisServer, Served
from tests.support.records import evaluation
from worker.leases import Claim, Leases

PNG_MAGIC = b"\x89PNG\r\n\x1a\n"


class Training:
    """Does to a sweep's record what a worker does, without training: claims runs and commits invented epochs."""

    def __init__(self, leases: Leases) -> None:
        self._leases = leases

    def claim(self, location: str, *, runs: int) -> Claim:
        claim = self._leases.claim(location.rsplit("/", maxsplit=1)[-1], limit=runs)
        assert claim
        return claim

    def commit(self, claim: Claim, index: int, epoch: int) -> None:
        run = claim.runs[index]
        self._leases.commit(claim, run, invented_metrics(epoch, run.scale))

    def succeed(self, claim: Claim, index: int) -> None:
        self._leases.succeed(claim, claim.runs[index], "ab" * 32, evaluation(self._leases.test_scales(claim)))

    def epochs(self, location: str, *, runs: int, epochs: int, end: bool = False, model: bytes | None = None) -> None:
        claim = self.claim(location, runs=runs)
        for run in claim.runs:
            for epoch in range(epochs):
                self._leases.commit(claim, run, invented_metrics(epoch, run.scale))
            if end:
                self._leases.succeed(claim, run, "ab" * 32, evaluation(self._leases.test_scales(claim)), model)


def invented_metrics(epoch: int, scale: float) -> EpochMetrics:
    return EpochMetrics(
        epoch=epoch,
        loss=1 / (epoch + 1),
        accuracy=1 / (1 + scale / 10),
        val_loss=1 + scale,
        val_accuracy=1 / (1 + scale),
        seconds=1.5,
    )


@pytest.fixture
def limited(redis_server: RedisServer, redis: Redis) -> Iterator[Callable[[Limits], httpx.Client]]:
    """Returns a function that serves the API with other limits and returns its client."""
    with ExitStack() as cleanup:

        def serve(limits: Limits) -> httpx.Client:
            served = Served(Settings(redis_url=redis_server.url), limits)
            cleanup.callback(served.close)
            return served.http

        yield serve


@pytest.fixture
def leases(settings: Settings) -> Iterator[Leases]:
    leases = Leases(settings)
    yield leases
    leases.close()


@pytest.fixture
def training(leases: Leases) -> Training:
    return Training(leases)
