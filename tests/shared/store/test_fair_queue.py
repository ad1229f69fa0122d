"""Fair queue: claims of the real functions by simulated workers."""

from collections import Counter
from collections.abc import Sequence

import pytest
from redis import Redis

from noisesweep.models import SweepRequest
from shared.store.functions import Function
from shared.store.keys import LEASES, TURNS, SweepKeys, line_of, run_id
from tests.support.claims import SHA, claim_next, metrics, reap
from tests.support.records import evaluation
from tests.support.stored_sweeps import Sweeps
from worker.claims import Claim, KeptEpoch
from worker.leases import Leases

# Runs of these sweeps differ in work by a factor of ten.
SHORT = SweepRequest(scales=[0.1], seeds=list(range(64)), epochs=2)
ONE_SHORT = SHORT.model_copy(update={"seeds": [0]})
LONG = SHORT.model_copy(update={"epochs": 20})


def submitter_of(sweeps: Sweeps, claim: Claim) -> str:
    return sweeps.run(claim.sweep_id, claim.runs[0].index)["submitter"]


def serve(leases: Leases, sweeps: Sweeps, claims: int) -> list[str]:
    """Claim and end that many runs, one after the other. Return the submitter of each."""
    served = []
    for _ in range(claims):
        claim = claim_next(leases)
        served.append(submitter_of(sweeps, claim))
        leases.succeed(claim, claim.runs[0], SHA, evaluation())
    return served


def jain_index(shares: Sequence[float]) -> float:
    """Return Jain's fairness index: 1 if all shares are equal, 1 / n if one of n has everything.

    Jain, Chiu and Hawe, 1984, https://arxiv.org/abs/cs/9809099.
    """
    return sum(shares) ** 2 / (len(shares) * sum(share**2 for share in shares))


def test_submitters_with_long_and_short_runs_get_equal_work(leases: Leases, sweeps: Sweeps) -> None:
    requests = {f"user-{number}": LONG if number % 2 else SHORT for number in range(10)}
    for name, request in requests.items():
        sweeps.create(request, name)
    runs = Counter(serve(leases, sweeps, 5 * 11 * 5))
    work = [runs[name] * request.epochs for name, request in requests.items()]
    assert jain_index(work) > 0.98
    assert max(work) - min(work) <= 2 * LONG.epochs


@pytest.mark.parametrize("heavy", [1, 5, 50])
def test_a_light_submitter_is_next_whatever_others_have_queued(leases: Leases, sweeps: Sweeps, heavy: int) -> None:
    for number in range(heavy):
        sweeps.create(LONG, f"heavy-{number}")
    serve(leases, sweeps, 2 * heavy + 1)
    sweeps.create(ONE_SHORT, "light")
    assert serve(leases, sweeps, 1) == ["light"]
    sweeps.create(ONE_SHORT, "light")  # it had its turn, and the others first get as much work
    assert serve(leases, sweeps, heavy + 1).index("light") <= heavy


def test_runs_of_one_submitter_start_in_the_order_of_submission(leases: Leases, sweeps: Sweeps) -> None:
    submitted = [sweeps.create(SweepRequest(scales=[0.1, 0.5, 1.0])) for _ in range(4)]
    claims = [claim_next(leases) for _ in range(12)]
    assert [claim.sweep_id for claim in claims] == [sweep_id for sweep_id in submitted for _ in range(3)]
    assert [claim.runs[0].index for claim in claims] == [0, 1, 2] * 4


def test_an_absent_submitter_saves_up_no_turns(leases: Leases, sweeps: Sweeps) -> None:
    sweeps.create(LONG, "present")
    serve(leases, sweeps, 30)
    sweeps.create(LONG, "late")
    served = Counter(serve(leases, sweeps, 20))
    assert abs(served["present"] - served["late"]) <= 2


def test_a_short_absence_does_not_cancel_past_work(leases: Leases, sweeps: Sweeps) -> None:
    one_long = LONG.model_copy(update={"seeds": [0]})
    sweeps.create(LONG, "steady")
    served: Counter[str] = Counter()
    for _ in range(20):  # "returning" has no queued run after each claim
        sweeps.create(one_long, "returning")
        served.update(serve(leases, sweeps, 2))
    assert abs(served["steady"] - served["returning"]) <= 1


def test_an_extension_uses_the_turns_of_the_key_that_asks(leases: Leases, sweeps: Sweeps) -> None:
    sweep_id = sweeps.create(SweepRequest(scales=[float(scale) for scale in range(20)]), "owner")
    serve(leases, sweeps, 5)
    sweeps.extend(sweep_id, 50.0, submitter="guest")
    assert "guest" in serve(leases, sweeps, 2)


def test_work_of_epochs_that_a_run_did_not_need_is_returned(leases: Leases, sweeps: Sweeps, redis: Redis) -> None:
    request = LONG.model_copy(update={"holdout": 100, "patience": 1})
    sweeps.create(request, "patient")
    before = redis.zscore(TURNS, line_of("patient")) or 0.0
    claim = claim_next(leases)
    charged = (redis.zscore(TURNS, line_of("patient")) or 0.0) - before
    for epoch in range(2):
        leases.commit(claim, claim.runs[0], metrics(epoch))
    leases.succeed(claim, claim.runs[0], SHA, evaluation(), kept=KeptEpoch(0, 0.5, 0.9), epochs=2)
    assert (redis.zscore(TURNS, line_of("patient")) or 0.0) - before == charged * 2 / 20


def test_work_that_was_not_done_is_returned(leases: Leases, sweeps: Sweeps, redis: Redis) -> None:
    for name in ("unlucky", "other"):
        sweeps.create(LONG, name)
    claim = next(
        claim for claim in (claim_next(leases), claim_next(leases)) if submitter_of(sweeps, claim) == "unlucky"
    )
    before = redis.zscore(TURNS, line_of("unlucky"))
    leases.commit(claim, claim.runs[0], metrics(0))
    redis.zadd(LEASES, {run_id(claim.sweep_id, 0): 1})
    assert reap(leases).requeued == 1
    after = redis.zscore(TURNS, line_of("unlucky"))
    work = int(sweeps.run(claim.sweep_id, 0)["work"])
    assert before is not None
    assert after == before - work


def test_a_claim_does_not_read_all_sweeps(leases: Leases, sweeps: Sweeps, redis: Redis) -> None:
    for number in range(200):
        for _ in range(3):
            sweeps.create(ONE_SHORT, f"user-{number}")
    redis.config_resetstat()
    claim_next(leases)
    commands = sum(stats["calls"] for stats in redis.info("commandstats").values())
    assert commands < 60  # and not one or more for each of 600 sweeps


def test_the_position_of_a_new_run_counts_only_what_starts_before_it(leases: Leases, sweeps: Sweeps) -> None:
    sweeps.create(LONG, "heavy")
    serve(leases, sweeps, 3)

    def runs_before(submitter: str) -> int:
        return int(sweeps.functions.call(Function.QUEUE, submitter=submitter)[3])

    assert runs_before("heavy") == 61
    assert runs_before("new") <= 1
    sweeps.create(LONG, "new")
    assert runs_before("new") >= 120
    predicted = runs_before("third")
    sweep_id = sweeps.create(ONE_SHORT, "third")
    assert abs(serve(leases, sweeps, 4).index("third") - predicted) <= 1
    assert sweeps.run(sweep_id, 0)["outcome"] == "succeeded"
    assert not sweeps.redis.exists(SweepKeys(sweep_id).checkpoint(0))
