"""Workers on hosts of their own, whose links to the store are cut and mended."""

import random
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from noisesweep.models import RunStatus, RunSummary, Sweep
from shared.store.keys import QUEUE, UNACKED
from tests.support.api import ApiProcess
from tests.support.fleet import BODY, LONG, Fleet, rounds
from tests.support.network import Cut, Host, Network, answers_lost, black_hole, pulled_cable, refusal
from tests.support.redis_server import RedisServer
from tests.support.waiting import wait_until
from tests.support.worker import Worker

if reason := refusal():
    pytest.skip(f"hosts are made as network namespaces, which cannot be had here: {reason}", allow_module_level=True)

API_PORT, STORE_PORT = 8000, 6379


class SpreadFleet(Fleet):
    """The store and the API on one host, and a worker of one process on each of two others."""

    def __init__(self, folder: Path, network: Network) -> None:
        self.host = network.add("store")
        address = str(self.host.address)
        reached = ["--bind", address, "--protected-mode", "no"]
        store = RedisServer(folder, STORE_PORT, durable=True, options=reached, host=address, within=self.host.within)
        super().__init__(folder, store)
        self.members = [Member(network.add(name), self.environment, folder) for name in ("one", "two")]
        self.workers.extend(self.members)

    def start_api(self) -> ApiProcess:
        """Start the API on the host, where other hosts reach it."""
        environment = self.environment | {"NOISESWEEP_ALLOW_ANONYMOUS": "true"}
        address = str(self.host.address)
        return ApiProcess(environment, self.folder / "api.log", host=address, port=API_PORT, within=self.host.within)

    def waits_for_messages(self, host: Host) -> bool:
        """Whether the store has a connection with the host that is to get the next message."""
        clients = self.redis.client_list()
        return any("b" in client["flags"] and client["addr"].startswith(f"{host.address}:") for client in clients)


class Member(Worker):
    """A worker on a host of its own."""

    def __init__(self, host: Host, environment: dict[str, str], folder: Path) -> None:
        super().__init__(environment, folder / f"{host.port}.log", processes=1, within=host.within)
        self.host = host
        self.listen()

    def trains(self, run: RunSummary) -> bool:
        """Whether it is this worker that trains the run, or did last."""
        return (run.worker or "").startswith(f"{self.main.pid}-")

    def listen(self) -> None:
        """What it has said so far counts no more."""
        self._heard = self.log.stat().st_size

    def said(self) -> str:
        return self.log.read_bytes()[self._heard :].decode(errors="replace")

    def has_said(self, pattern: str) -> bool:
        return bool(re.search(pattern, self.said()))


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
        member.listen()
    yield
    for member in spread.members:
        print(f"{member.host.port}, {member.main.pid}:", member.said()[-20_000:], sep="\n")


def middle_of_a_run(fleet: SpreadFleet, member: Member, sweep_id: str, after: int) -> RunSummary:
    """Wait until the member is in the middle of a run of LONG, so many epochs after its beginning; the run."""
    found: list[RunSummary] = []

    def reached() -> bool:
        runs = fleet.sweep(sweep_id).runs
        found[:] = [run for run in runs if member.trains(run) and after <= run.epochs_done < 30]
        return bool(found)

    wait_until(reached, seconds=60)
    return found[0]


def assert_all_work(fleet: SpreadFleet, undisturbed: Sweep) -> None:
    """Every worker trains again, come back by itself."""
    idle = set(fleet.members)

    def another_sweep() -> bool:
        sweep_id = fleet.submit()
        fleet.assert_whole(sweep_id, undisturbed)
        runs = fleet.sweep(sweep_id).runs
        idle.difference_update([member for member in idle if any(map(member.trains, runs))])
        return not idle

    wait_until(another_sweep, seconds=90)


@pytest.mark.parametrize("cut", [black_hole, answers_lost, pulled_cable])
def test_a_worker_cut_off_for_longer_than_a_lease_costs_nothing_and_comes_back(
    spread: SpreadFleet, undisturbed: Sweep, undisturbed_long: Sweep, chance: random.Random, cut: Cut
) -> None:
    for number in rounds(full=6, in_ci=1):
        lost = chance.choice(spread.members)
        sweep_id = spread.submit(LONG)
        run = middle_of_a_run(spread, lost, sweep_id, after=chance.randrange(1, 20))
        index = int(run.id.rpartition("-")[2])
        to_the_end = chance.choice([True, False])
        print(f"round {number}: {lost.host.port} in epoch {run.epochs_done} of {run.id}; to the end: {to_the_end}")
        with cut(lost.host):
            wait_until(lambda index=index: spread.sweep(sweep_id).runs[index].attempts == 2, seconds=60)  # type: ignore[misc] # noqa: B023
            assert not lost.trains(spread.sweep(sweep_id).runs[index])
            if to_the_end:
                spread.assert_whole(sweep_id, undisturbed_long)
                before = spread.everything_of(sweep_id)
        spread.assert_whole(sweep_id, undisturbed_long)
        given_up = f"Sweep {sweep_id}: leaving its runs|Run {run.id} is left to its new owner"
        wait_until(lambda given_up=given_up: lost.has_said(given_up))  # type: ignore[misc] # noqa: B023
        assert_all_work(spread, undisturbed)
        if to_the_end:
            assert spread.everything_of(sweep_id) == before
    spread.assert_drained()


def test_workers_that_are_all_cut_off_until_they_have_given_up_go_on_when_they_are_back(
    spread: SpreadFleet, undisturbed: Sweep, undisturbed_long: Sweep
) -> None:
    sweep_id = spread.submit(LONG)
    for member in spread.members:
        middle_of_a_run(spread, member, sweep_id, after=1)
    with ExitStack() as links:
        for member in spread.members:
            links.enter_context(pulled_cable(member.host))
        # The last that it says of a task: the queue could not be told that it has ended.
        wait_until(lambda: all(member.has_said("Couldn't ack") for member in spread.members), seconds=60)
        assert all(member.has_said(f"Sweep {sweep_id}: leaving its runs") for member in spread.members)
        assert spread.sweep(sweep_id).status is RunStatus.RUNNING
    spread.assert_whole(sweep_id, undisturbed_long)
    assert_all_work(spread, undisturbed)
    spread.assert_drained()


def test_a_message_that_was_handed_to_a_worker_that_has_vanished_is_sent_anew(
    spread: SpreadFleet, undisturbed: Sweep
) -> None:
    one, two = (member.host for member in spread.members)
    undisturbed = undisturbed.model_copy(update={"runs": undisturbed.runs[:1]})
    handed = False
    while not handed:  # nearly always at once: a worker that has vanished is still waited on for up to a second
        with ExitStack() as link_one, ExitStack() as link_two:
            link_two.enter_context(black_hole(two))
            wait_until(lambda: spread.waits_for_messages(one) and not spread.waits_for_messages(two))
            link_one.enter_context(black_hole(one))
            sweep_id = spread.submit(BODY | {"scales": [0.1]})
            handed = spread.redis.llen(QUEUE) == 0
            assert spread.redis.hlen(UNACKED) == 0  # nobody has confirmed it
            assert spread.sweep(sweep_id).status is RunStatus.QUEUED
            link_two.close()
            spread.assert_whole(sweep_id, undisturbed)
    spread.assert_drained()
