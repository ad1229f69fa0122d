"""Random calls of the store's functions, with lost workers and replies. The whole store is checked after each."""

import random
from collections.abc import Callable

import hypothesis
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from redis import Redis

from noisesweep.models import RunError, SweepRequest
from shared.settings import Settings
from shared.store.keys import LEASES, MODELS, SWEEPS, SweepKeys
from tests.support.claims import SHA, delete_ended, metrics, reap, state
from tests.support.key_space import assert_consistent
from tests.support.records import evaluation
from tests.support.redis_server import RedisServer
from tests.support.stored_sweeps import Sweeps
from worker.claims import Claim, ClaimedRun
from worker.leases import LeaseLostError, Leases
from worker.reaping import Reaping

EPOCHS = 3
SUBMITTERS = st.sampled_from(["", "alice", "bob"])
CHANGES = ["extend", "retry", "cancel", "cancel one", "delete"]
WRITES = ["epoch", "epoch", "checkpoint", "model", "succeed", "fail", "cancel", "release"]
CHOICE = st.randoms(use_true_random=False)


class Protocol(RuleBasedStateMachine):
    """API, workers and reapers that call the functions in any order, repeat calls, and lose runs."""

    server: RedisServer

    @initialize()
    def start(self) -> None:
        self.redis: Redis = self.server.client
        self.redis.flushall()
        self.settings = Settings(redis_url=self.server.url, max_attempts=2)
        self.sweeps, self.leases = Sweeps(self.redis), Leases(self.settings)
        self.claims: list[Claim] = []

    def teardown(self) -> None:
        if hasattr(self, "leases"):
            self.leases.close()

    @invariant()
    def is_consistent(self) -> None:
        if hasattr(self, "redis"):
            assert_consistent(self.redis)

    @rule(submitter=SUBMITTERS, scales=st.integers(1, 4), keep_model=st.booleans())
    def submit(self, submitter: str, scales: int, keep_model: bool) -> None:
        request = SweepRequest(scales=list(range(scales)), seeds=[0, 1], epochs=EPOCHS, keep_model=keep_model)
        self.sweeps.create(request, submitter)

    @precondition(lambda self: self.redis.exists(SWEEPS))
    @rule(choice=CHOICE, submitter=SUBMITTERS, action=st.sampled_from(CHANGES))
    def change(self, choice: random.Random, submitter: str, action: str) -> None:
        sweep_id = str(choice.choice(self.redis.zrange(SWEEPS, 0, -1)))
        runs = int(str(self.redis.hget(SweepKeys(sweep_id).record, "run_count")))
        match action:
            case "extend":
                self.sweeps.extend(sweep_id, 10.0 + runs, submitter=submitter)
            case "retry":
                self.sweeps.retry(sweep_id, submitter)
            case "cancel":
                self.sweeps.cancel(sweep_id)
            case "cancel one":
                self.sweeps.cancel(sweep_id, choice.randrange(runs))
            case "delete":
                delete_ended(self.leases, sweep_id, 2**60)

    @rule(limit=st.integers(1, 4))
    def claim(self, limit: int) -> None:
        if claim := self.leases.claim(limit, "worker", "cpu"):
            self.claims.append(claim)

    @precondition(lambda self: self.claims)
    @rule(choice=CHOICE, action=st.sampled_from(WRITES))
    def work(self, choice: random.Random, action: str) -> None:
        claim = choice.choice(self.claims)
        run = choice.choice(claim.runs)
        for _ in range(choice.choice([1, 1, 2])):  # the second call is the repetition after a lost reply
            try:
                self._act(claim, run, action)
            except LeaseLostError:
                break

    def _act(self, claim: Claim, run: ClaimedRun, action: str) -> None:
        if action == "model" and not claim.keep_model:
            return
        epochs = self.redis.llen(SweepKeys(claim.sweep_id).epochs(run.index))
        checkpoint = state(epochs, step=1)
        actions: dict[str, Callable[[], object]] = {
            "epoch": lambda: self.leases.commit(claim, run, metrics(min(epochs, EPOCHS - 1))),
            "checkpoint": lambda: self.leases.save_checkpoint(claim, run, checkpoint.position, checkpoint.to_bytes()),
            "model": lambda: self.leases.save_model(claim, run, b"model"),
            "succeed": lambda: self.leases.succeed(claim, run, SHA, evaluation(), epochs=epochs),
            "fail": lambda: self.leases.fail(claim, run, RunError(code="diverged", message="It diverged.")),
            "cancel": lambda: self.leases.cancel(claim, run),
            "release": lambda: self.leases.release(claim, run, checkpoint.position, checkpoint.to_bytes()),
        }
        actions[action]()

    @precondition(lambda self: self.redis.exists(LEASES))
    @rule(choice=CHOICE)
    def lose_workers(self, choice: random.Random) -> None:
        for run in self.redis.zrange(LEASES, 0, -1):
            if choice.random() < 0.5:
                self.redis.zadd(LEASES, {str(run): 1})
        reap(self.leases, max_attempts=2)

    @precondition(lambda self: self.redis.exists(MODELS))
    @rule()
    def expire_models(self) -> None:
        for run in self.redis.zrange(MODELS, 0, -1):
            self.redis.zadd(MODELS, {str(run): 1})
        Reaping(self.redis, self.settings).begin_round()

    @rule()
    def lose_functions(self) -> None:
        self.redis.function_flush("SYNC")

    @rule()
    def end_everything(self) -> None:
        for sweep_id in map(str, self.redis.zrange(SWEEPS, 0, -1)):
            self.sweeps.cancel(sweep_id)
        for run in self.redis.zrange(LEASES, 0, -1):
            self.redis.zadd(LEASES, {str(run): 1})
        reap(self.leases)
        for sweep_id in map(str, self.redis.zrange(SWEEPS, 0, -1)):
            assert delete_ended(self.leases, sweep_id, 2**60)
        assert not self.redis.exists(SWEEPS, LEASES, MODELS, "ns:bytes", "ns:2:turns", "ns:2:work")


def test_every_call_leaves_a_consistent_store(redis_server: RedisServer) -> None:
    Protocol.server = redis_server
    run_state_machine_as_test(
        Protocol, settings=hypothesis.settings(max_examples=25, stateful_step_count=30, deadline=None)
    )
