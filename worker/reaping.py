"""Reaper's access to the store: recover runs and delete sweeps, many in one round trip."""

from collections.abc import Sequence
from typing import NamedTuple

from redis import Redis
from redis.exceptions import RedisError

from shared.settings import Settings
from shared.store.functions import Function, Functions, call

# Number of leases that one call reaps. Other clients wait for it, so it takes a few milliseconds at most.
LEASES_PER_CALL = 100


class Round(NamedTuple):
    """Round of a reaper.

    Attributes:
        now: Server time of its start (µs).
        expired_before: Server time (µs). This round ignores leases that expired later.
    """

    now: int
    expired_before: int


class ReapResult(NamedTuple):
    """The result of reaping expired leases.

    Attributes:
        leases: Number of expired leases found, at most LEASES_PER_CALL.
        requeued: Number of runs that returned to the queue.
        lost: Number of runs that failed with worker_lost.
        cancelled: Number of runs that ended because a client had cancelled them.
        errors: A message for each run that could not be reaped.
    """

    leases: int
    requeued: int = 0
    lost: int = 0
    cancelled: int = 0
    errors: Sequence[str] = ()


class Reaping:
    """Functions of the reaper."""

    def __init__(self, redis: Redis, settings: Settings) -> None:
        self._functions = Functions(redis)
        self._settings = settings

    def begin_round(self) -> Round:
        """Return the store's time, and before which time a lease must have expired to be reaped.

        If no reaper has reached the store for three intervals, it may have been unavailable. An outage shorter than
        that and than half of a lease cannot expire a lease.
        """
        half_lease = self._settings.lease_seconds / 2
        longest_gap = min(3 * self._settings.reap_interval_seconds, half_lease)
        reply = self._functions.call(
            Function.BEGIN_ROUND, longest_gap=_microseconds(longest_gap), grace=_microseconds(half_lease)
        )
        return Round(*map(int, reply))

    def reap(self, this_round: Round) -> ReapResult:
        """Requeue runs with expired leases, up to LEASES_PER_CALL of them.

        A run fails with worker_lost instead if its last `max_attempts` owners were all lost before they made progress.
        A run that cannot be reaped gets a new lease.
        """
        reply = self._functions.call(
            Function.REAP,
            max_attempts=self._settings.max_attempts,
            before=this_round.expired_before,
            lease=_microseconds(self._settings.lease_seconds),
            limit=LEASES_PER_CALL,
        )
        return ReapResult(*reply)

    def queued_runs(self) -> int:
        """Return the number of queued runs."""
        return int(self._functions.call(Function.QUEUE, submitter="")[0])

    def delete_ended(self, sweep_ids: Sequence[str], ended_before: int) -> list[bool | RedisError]:
        """Delete sweeps whose runs all ended before the given server time (µs); return whether each is gone."""
        calls = [call(Function.DELETE, sweep=sweep_id, ended_before=ended_before) for sweep_id in sweep_ids]
        replies = self._functions.call_all(calls)
        return [reply if isinstance(reply, RedisError) else reply == ["deleted"] for reply in replies]


def _microseconds(seconds: float) -> int:
    return int(seconds * 1_000_000)
