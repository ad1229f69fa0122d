"""Pace of training on the devices of the workers: measured, or scaled from other trainings."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from math import log
from statistics import median
from typing import NamedTuple, cast

from redis.asyncio import Redis

from api.sweeps.workers import Workers
from noisesweep.models import NoiseKind, TrainingConfig
from shared.store.keys import PACES, pace
from shared.store.paces import KINDS, Kind, read_epochs

# Within this factor, the time of an epoch is assumed to be proportional to its work.
SIMILAR_FACTOR = 4.0
# Time of an epoch in relation to one with noise that was drawn before. Other kinds of noise cost a few percent.
NOISE_COSTS = {NoiseKind.SHOT.value: 2.3}
# Multiply-adds of forward passes per second of a training process, by device: that of the demo in the README. It is
# used until an epoch was trained. GPUs differ too much from each other.
TYPICAL_PACE = 1e10
TYPICAL_PACES = {"cpu": TYPICAL_PACE}
# Age in seconds at which what is known of workers and their pace is read again, where that is often needed.
CAPACITY_AGE = 1.0


@dataclass(frozen=True)
class Pace:
    """Multiply-adds of forward passes per second of one training process.

    Attributes:
        rate: The pace.
        is_rough: Whether it is not from epochs of a similar training.
    """

    rate: float
    is_rough: bool


@dataclass(frozen=True)
class Capacity:
    """Pace of all live training processes together, for one training.

    Attributes:
        processes: Number of processes whose pace is known.
        total: Multiply-adds of forward passes per second of all these processes.
        fastest: That of the fastest process.
        is_rough: Whether a pace is not from epochs of a similar training.
    """

    processes: int
    total: float
    fastest: float
    is_rough: bool


def mean_pace(capacity: Capacity | None) -> float:
    """Return the multiply-adds per second of one training process; that of a typical CPU if nothing is known."""
    return capacity.total / capacity.processes if capacity else TYPICAL_PACE


class Paces:
    """Reader of the pace of training. Every method raises redis.exceptions.RedisError if Redis does not respond."""

    def __init__(self, redis: Redis, workers: Workers) -> None:
        self._redis, self._workers = redis, workers
        self._read_at = float("-inf")
        self._processes: dict[str, int] = {}
        self._epochs: dict[Kind, Measured] = {}

    async def capacity(self, config: TrainingConfig, *, max_age: float = 0.0) -> Capacity | None:
        """Return the capacity of the live workers for a training; None if no worker is alive, or its pace is unknown.

        Args:
            config: The training.
            max_age: Age in seconds of what is known about the workers and their pace.
        """
        if time.monotonic() - self._read_at > max_age:
            alive = [worker for worker in await self._workers.list_all() if worker.alive]
            self._processes = dict(Counter(chain.from_iterable([worker.device] * worker.processes for worker in alive)))
            self._epochs = await self._measured()
            self._read_at = time.monotonic()
        known = [
            (processes, pace)
            for device, processes in self._processes.items()
            if (pace := pace_of(Kind.of(config, device), self._epochs))
        ]
        if not known:
            return None
        return Capacity(
            processes=sum(processes for processes, _ in known),
            total=sum(processes * pace.rate for processes, pace in known),
            fastest=max(pace.rate for _, pace in known),
            is_rough=any(pace.is_rough for _, pace in known),
        )

    async def _measured(self) -> dict[Kind, "Measured"]:
        """Return the seconds per epoch of each kind of training that was measured recently."""
        kinds = cast("list[str]", await self._redis.zrange(PACES, -KINDS, -1))
        async with self._redis.pipeline(transaction=False) as pipeline:
            for kind in kinds:
                pipeline.lrange(pace(kind), 0, -1)
            stored = await pipeline.execute()
        measured = {}
        for kind, of_kind in zip(kinds, stored, strict=True):
            with suppress(ValueError):  # its epochs have expired, or another version has written it
                measured[Kind.parse(kind)] = Measured.of(of_kind)
        return measured


class Measured(NamedTuple):
    """Measured seconds per epoch of one kind of training.

    Attributes:
        seconds: The median, because other programs may have slowed down some epochs.
        is_upper_bound: Whether there are only first epochs of runs. They may include the start of the training program,
            which can take longer than the training, so `seconds` is that of the fastest.
    """

    seconds: float
    is_upper_bound: bool

    @classmethod
    def of(cls, entries: Sequence[str]) -> "Measured":
        """Return the measurement from stored epochs. Raise ValueError if there are none."""
        epochs = read_epochs(entries)
        later = [seconds for epoch, seconds in epochs if epoch > 0]
        if later:
            return cls(median(later), is_upper_bound=False)
        return cls(min(seconds for _, seconds in epochs), is_upper_bound=True)


def pace_of(kind: Kind, measured: Mapping[Kind, Measured]) -> Pace | None:
    """Return the pace of a kind of training; None if it is unknown.

    It is scaled from the most similar kind, or typical of the device. If that kind is not similar, the pace is at least
    that of first epochs of similar kinds. Kinds with much less work per step are left out, because their time is
    mostly overhead.
    """
    others = {other: of_other for other, of_other in measured.items() if other.device == kind.device}
    candidates = [
        other
        for other, (_, is_upper_bound) in others.items()
        if not is_upper_bound and _step_work(kind) <= SIMILAR_FACTOR * _step_work(other)
    ]
    nearest = min(candidates, key=lambda other: _distance(kind, other), default=None)
    if nearest and _are_similar(kind, nearest):
        return Pace(_scaled(kind, nearest, others[nearest]), is_rough=False)
    typical = TYPICAL_PACES.get(kind.device)
    rates = [_scaled(kind, other, of_other) for other, of_other in others.items() if _are_similar(kind, other)]
    if nearest:
        rates.append(_scaled(kind, nearest, others[nearest]))
    elif typical:
        rates.append(typical / _noise_cost(kind))
    return Pace(max(rates), is_rough=True) if rates else None


def _scaled(kind: Kind, other: Kind, measured: Measured) -> float:
    return other.images * other.image_work * _noise_cost(other) / measured.seconds / _noise_cost(kind)


def _distance(one: Kind, other: Kind) -> float:
    """Return how much two kinds differ. A different network, precision or noise counts like twice the work."""
    pairs = ((one.network, other.network), (one.precision, other.precision), (one.noise, other.noise))
    return (
        sum(first != second for first, second in pairs) * log(2)
        + abs(log(_step_work(one) / _step_work(other)))
        + abs(log(one.images / other.images)) / 4  # of a short epoch, more is overhead
    )


def _are_similar(one: Kind, other: Kind) -> bool:
    sizes = ((_step_work(one), _step_work(other)), (one.batch_size, other.batch_size), (one.images, other.images))
    return (one.network, one.precision, one.noise) == (other.network, other.precision, other.noise) and all(
        max(pair) <= SIMILAR_FACTOR * min(pair) for pair in sizes
    )


def _step_work(kind: Kind) -> int:
    return kind.batch_size * kind.image_work


def _noise_cost(kind: Kind) -> float:
    return NOISE_COSTS.get(kind.noise, 1.0)
