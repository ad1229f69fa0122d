"""Tests of workers on separate hosts that lose the network connection to the store."""

import random
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from noisesweep.models import RunStatus, RunSummary, Sweep
from shared.store.clock import server_time
from shared.store.keys import LEASES, QUEUE, UNACKED
from tests.support.api import ApiProcess
from tests.support.fleet import BODY, LONG, Fleet, rounds
from tests.support.network import Cut, Host, Network, link_down, packets_dropped, replies_dropped, skip_reason
from tests.support.redis_server import RedisServer
from tests.support.waiting import wait_until
from tests.support.worker import Worker

if reason := skip_reason():
    pytest.skip(f"no network namespaces: {reason}", allow_module_level=True)

API_PORT, STORE_PORT = 8000, 6379


class SpreadFleet(Fleet):
    """The store and the API on one host, and a worker on each of two other hosts. A worker has one training process."""

    def __init__(self, folder: Path, network: Network) -> None:
        self.host = network.add("store")
        address = str(self.host.address)
        options = ["--bind", address, "--protected-mode", "no"]
        store = RedisServer(
            folder, STORE_PORT, durable=True, options=options, host=address, command_prefix=self.host.command_prefix
        )
        super().__init__(folder, store)
        self.members = [Member(network.add(name), self.environment, folder) for name in ("one", "two")]
        self.workers.extend(self.members)

    def start_api(self) -> ApiProcess:
        """Start the API on an address that other hosts can reach."""
        environment = self.environment | {"NOISESWEEP_ALLOW_ANONYMOUS": "true"}
        address = str(self.host.address)
        return ApiProcess(
            environment, self.folder / "api.log", host=address, port=API_PORT, command_prefix=self.host.command_prefix
        )

    def waits_for_messages(self, host: Host) -> bool:
        """Return true if a worker on the host is blocked in a BRPOP for the next message."""
        clients = self.redis.client_list()
        return any("b" in client["flags"] and client["addr"].startswith(f"{host.address}:") for client in clients)


class Member(Worker):
    """Worker on its own host."""

    def __init__(self, host: Host, environment: dict[str, str], folder: Path) -> None:
        super().__init__(environment, folder / f"{host.port}.log", processes=1, command_prefix=host.command_prefix)
        self.host = host
        self.mark_log()

    def trains(self, run: RunSummary) -> bool:
        """Return true if this worker trains the run now, or was the last worker that trained it."""
        return (run.worker or "").startswith(f"{self.main.pid}-")

    def mark_log(self) -> None:
        """Mark the end of the log. `new_log` returns what follows."""
        self._log_start = self.log.stat().st_size

    def new_log(self) -> str:
        """Return what was logged after the last call of `mark_log`."""
        return self.log.read_bytes()[self._log_start :].decode(errors="replace")

    def has_logged(self, pattern: str) -> bool:
        """Return true if the new log matches a pattern."""
        return bool(re.search(pattern, self.new_log()))


@pytest.fixture(scope="module")
def spread(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SpreadFleet]:
    with ExitStack() as cleanup:
        network = Network()
        cleanup.callback(network.close)
        fleet = SpreadFleet(tmp_path_factory.mktemp("spread"), network)
        cleanup.callback(fleet.close)
        yield fleet


@pytest.fixture(autouse=True)
def _logs_on_failure(spread: SpreadFleet) -> Iterator[None]:
    for member in spread.members:
        member.mark_log()
    yield
    for member in spread.members:
        print(f"{member.host.port}, {member.main.pid}:", member.new_log()[-20_000:], sep="\n")


def wait_for_run(fleet: SpreadFleet, member: Member, sweep_id: str, after: int) -> RunSummary:
    """Wait until the member trains a run of LONG that has at least `after` epochs, and return the run."""
    found: list[RunSummary] = []

    def is_reached() -> bool:
        runs = fleet.sweep(sweep_id).runs
        found[:] = [run for run in runs if member.trains(run) and after <= run.epochs_done < 30]
        return bool(found)

    wait_until(is_reached, seconds=60)
    return found[0]


def assert_all_train(fleet: SpreadFleet, undisturbed: Sweep) -> None:
    """Fail unless every worker trains again without a restart."""
    idle = set(fleet.members)

    def none_is_idle() -> bool:
        sweep_id = fleet.submit()
        fleet.assert_complete(sweep_id, undisturbed)
        runs = fleet.sweep(sweep_id).runs
        idle.difference_update([member for member in idle if any(map(member.trains, runs))])
        return not idle

    wait_until(none_is_idle, seconds=90)


@pytest.mark.parametrize("cut", [packets_dropped, replies_dropped, link_down])
def test_disconnected_worker_loses_no_work_and_recovers(
    spread: SpreadFleet, undisturbed: Sweep, undisturbed_long: Sweep, rng: random.Random, cut: Cut
) -> None:
    for number in rounds(full=6, in_ci=1):
        lost = rng.choice(spread.members)
        sweep_id = spread.submit(LONG)
        run = wait_for_run(spread, lost, sweep_id, after=rng.randrange(1, 20))
        index = int(run.id.rpartition("-")[2])
        until_end = rng.choice([True, False])
        print(f"round {number}: {lost.host.port} in epoch {run.epochs_done} of {run.id}; until the end: {until_end}")
        with cut(lost.host):
            wait_until(lambda index=index: spread.sweep(sweep_id).runs[index].attempts == 2, seconds=60)  # type: ignore[misc] # noqa: B023
            assert not lost.trains(spread.sweep(sweep_id).runs[index])
            if until_end:
                spread.assert_complete(sweep_id, undisturbed_long)
                before = spread.dump_sweep(sweep_id)
        spread.assert_complete(sweep_id, undisturbed_long)
        abandoned = f"Sweep {sweep_id}: giving up its runs|Run {run.id} dropped"
        wait_until(lambda abandoned=abandoned: lost.has_logged(abandoned))  # type: ignore[misc] # noqa: B023
        assert_all_train(spread, undisturbed)
        if until_end:
            assert spread.dump_sweep(sweep_id) == before
    spread.assert_no_messages()


def test_sweep_continues_after_all_workers_were_disconnected(
    spread: SpreadFleet, undisturbed: Sweep, undisturbed_long: Sweep
) -> None:
    sweep_id = spread.submit(LONG)
    for member in spread.members:
        wait_for_run(spread, member, sweep_id, after=1)
    with ExitStack() as links:
        for member in spread.members:
            links.enter_context(link_down(member.host))
        wait_until(lambda: spread.redis.zcount(LEASES, server_time(spread.redis), "+inf") == 0, seconds=60)
        wait_until(
            lambda: all(member.has_logged("could not renew the leases") for member in spread.members), seconds=60
        )
        assert spread.sweep(sweep_id).status is RunStatus.RUNNING
    spread.assert_complete(sweep_id, undisturbed_long)
    assert_all_train(spread, undisturbed)
    spread.assert_no_messages()


def test_message_lost_with_a_worker_is_republished(spread: SpreadFleet, undisturbed: Sweep) -> None:
    one, two = (member.host for member in spread.members)
    undisturbed = undisturbed.model_copy(update={"runs": undisturbed.runs[:1]})
    delivered = False
    # Redis gives the message to the open BRPOP of worker one, which is disconnected, so the message is lost. This BRPOP
    # ends within a second. If it ends before the message is published, no message is lost, and the test repeats.
    while not delivered:
        with ExitStack() as link_one, ExitStack() as link_two:
            link_two.enter_context(packets_dropped(two))
            wait_until(lambda: spread.waits_for_messages(one) and not spread.waits_for_messages(two))
            link_one.enter_context(packets_dropped(one))
            sweep_id = spread.submit(BODY | {"scales": [0.1]})
            delivered = spread.redis.llen(QUEUE) == 0
            assert spread.redis.hlen(UNACKED) == 0  # no worker has received it
            assert spread.sweep(sweep_id).status is RunStatus.QUEUED
            link_two.close()
            spread.assert_complete(sweep_id, undisturbed)
    spread.assert_no_messages()
