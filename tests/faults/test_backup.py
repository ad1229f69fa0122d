"""A backup made while everything runs, and what comes of it in an empty folder."""

import random
import shutil
import subprocess
from pathlib import Path

from noisesweep.models import RunStatus, Sweep
from shared.store.keys import SweepKeys
from tests.support.fleet import LONG, Fleet, rounds
from tests.support.waiting import wait_until


def back_up(fleet: Fleet, backup: Path) -> None:
    """Write a snapshot of the store: by its command line client if that is installed, otherwise by BGSAVE."""
    if client := shutil.which("redis-cli") or shutil.which("valkey-cli"):
        # By default a server waits 5 s for further replicas. The sweep would end in that time.
        fleet.redis.config_set("repl-diskless-sync-delay", 0)
        subprocess.run([client, "-u", fleet.store.url, "--rdb", str(backup)], check=True, capture_output=True)
        return
    written = fleet.folder / "dump.rdb"
    written.unlink(missing_ok=True)
    fleet.redis.bgsave()
    wait_until(written.exists)  # under this name when it is whole
    written.rename(backup)


def restore(backup: Path, folder: Path) -> Fleet:
    """A service on a new store, which takes the backup for an append-only file of old and goes on from it."""
    folder.mkdir()
    shutil.copy(backup, folder / "appendonly.aof")
    return Fleet(folder)


def position(event_id: str) -> tuple[int, ...]:
    """What event ids are ordered by."""
    return tuple(map(int, event_id.split("-")))


def test_a_backup_made_while_runs_train_brings_back_all_sweeps_and_the_unfinished_end_whole(
    tmp_path: Path, undisturbed: Sweep, undisturbed_long: Sweep, chance: random.Random
) -> None:
    for number in rounds(full=5, in_ci=1):
        (folder := tmp_path / str(number)).mkdir()
        lost = Fleet(folder)
        try:
            lost.start_worker(processes=1)
            ended, running, queued = lost.submit(), lost.submit(LONG), lost.submit()
            lost.assert_whole(ended, undisturbed)
            lost.wait_for_epochs(running, chance.randrange(1, 100))
            wait_until(lambda: lost.redis.exists(*(SweepKeys(running).checkpoint(index) for index in range(4))))  # noqa: B023
            finished = lost.everything_of(ended)
            back_up(lost, tmp_path / "backup.rdb")
            lost.wait_for_epochs(running, lost.sweep(running).progress.epochs_done + 1)  # which is lost
            told = lost.event_ids(running)
        finally:
            lost.close()

        restored = restore(tmp_path / "backup.rdb", folder / "restored")
        try:
            assert restored.everything_of(ended) == finished
            kept = restored.event_ids(running)
            assert kept == told[: len(kept)]
            assert len(kept) < len(told)
            assert [restored.sweep(sweep_id).status for sweep_id in (ended, running, queued)] == [
                RunStatus.SUCCEEDED,
                RunStatus.RUNNING,
                RunStatus.QUEUED,
            ]
            restored.start_worker(processes=1)
            restored.assert_whole(running, undisturbed_long)
            restored.assert_whole(queued, undisturbed)
            ids = restored.event_ids(running)
            assert ids[: len(kept)] == kept
            assert position(ids[len(kept)]) > position(told[-1])  # a client goes on from the last event that it has
            restored.assert_drained()
            after = restored.everything_of(running)
            restored.store.kill()
            restored.store.start()
            assert restored.everything_of(running) == after
            assert restored.everything_of(ended) == finished
        finally:
            restored.close()
