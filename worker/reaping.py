"""Reaper's access to the store: recover and delete many sweeps with few round trips."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from redis import Redis
from redis.commands.core import Script as RedisScript
from redis.exceptions import RedisError

from shared.settings import Settings
from shared.store.keys import OPEN, REAPER, SweepKeys
from shared.store.scripts import Script, source

# The API marks a sweep as open shortly before it writes, extends or retries it. This time is far longer than that gap.
OPEN_GRACE_SECONDS = 60


class Round(NamedTuple):
    """Round of a reaper.

    Attributes:
        now: Server time of its start (µs).
        expired_before: Server time (µs). This round ignores leases that expired later.
    """

    now: int
    expired_before: int


@dataclass(frozen=True)
class ReapResult:
    """The result of reaping one sweep.

    Attributes:
        open_runs: Number of queued and running runs.
        runs_without_message: Number of queued runs that may have no message.
        requeued: Number of runs that returned to the queue.
        lost: Number of runs that failed with worker_lost.
        cancelled: Number of runs that ended because a client had cancelled them.
    """

    open_runs: int
    runs_without_message: int
    requeued: int = 0
    lost: int = 0
    cancelled: int = 0


class Reaping:
    """Scripts of the reaper. Each call handles many sweeps in one pipeline; an error in one sweep affects no other."""

    def __init__(self, redis: Redis, settings: Settings) -> None:
        self._redis = redis
        self._settings = settings
        self._round = redis.register_script(source(Script.ROUND))
        self._reap = redis.register_script(source(Script.REAP))
        self._delete = redis.register_script(source(Script.DELETE))

    def begin_round(self) -> Round:
        """Return the store's time, and before which time a lease must have expired to be reaped: see lua/round.lua.

        If no reaper has reached the store for three intervals, it may have been unavailable. An outage shorter than
        that and than half of a lease cannot expire a lease.
        """
        half_lease = self._settings.lease_seconds / 2
        longest_gap = min(3 * self._settings.reap_interval_seconds, half_lease)
        return Round(
            *map(int, self._round(keys=[REAPER], args=[_microseconds(longest_gap), _microseconds(half_lease)]))
        )

    def reap(self, sweeps: Mapping[str, float], this_round: Round) -> list[ReapResult | RedisError]:
        """Requeue runs with expired leases, and report how many queued runs may lack a message.

        A run fails with worker_lost instead if its last `max_attempts` owners were all lost before they made progress.
        Queued runs may lack a message if runs were requeued, or if nothing was published for the sweep within
        `republish_seconds`. A sweep without open runs leaves the set of open sweeps.

        Args:
            sweeps: Ids of the sweeps, with their scores in the set of open sweeps.
            this_round: The round, from `begin_round`.
        """
        closable_before = this_round.now - _microseconds(OPEN_GRACE_SECONDS)
        arguments = [
            self._settings.max_attempts,
            _microseconds(self._settings.republish_seconds),
            this_round.expired_before,
            _microseconds(self._settings.lease_seconds),
        ]
        calls = [
            ([*SweepKeys(sweep_id).for_scripts, OPEN], [*arguments, sweep_id, opened_at])
            for sweep_id, opened_at in (
                (sweep_id, repr(opened_at) if opened_at < closable_before else "")
                for sweep_id, opened_at in sweeps.items()
            )
        ]
        return [
            reply if isinstance(reply, RedisError) else ReapResult(*reply) for reply in self._call(self._reap, calls)
        ]

    def delete_ended(self, sweep_ids: Sequence[str], ended_before: int) -> list[bool | RedisError]:
        """Delete sweeps whose runs all ended before the given server time (µs); return whether each is gone."""
        calls = [(SweepKeys(sweep_id).for_scripts, [ended_before]) for sweep_id in sweep_ids]
        return [reply if isinstance(reply, RedisError) else bool(reply) for reply in self._call(self._delete, calls)]

    def _call(self, script: RedisScript, calls: Sequence[tuple[list[str], list[Any]]]) -> list[Any]:
        with self._redis.pipeline(transaction=False) as pipeline:
            for keys, arguments in calls:
                script(keys=keys, args=arguments, client=pipeline)
            return pipeline.execute(raise_on_error=False)


def _microseconds(seconds: float) -> int:
    return int(seconds * 1_000_000)
