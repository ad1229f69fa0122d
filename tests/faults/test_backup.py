"""Backup of a running service, and its restore into an empty folder."""

import random
import shutil
import subprocess
from pathlib import Path

from noisesweep.models import RunStatus, Sweep
from shared.store.keys import SweepKeys
from tests.support.fleet import LONG, Fleet, rounds
from tests.support.waiting import wait_until


def back_up(fleet: Fleet, backup: Path) -> None:
    """Write a snapshot of the store with redis-cli or valkey-cli, or with BGSAVE if neither is installed."""
    if client := shutil.which("redis-cli") or shutil.which("valkey-cli"):
        # By default, a server waits 5 s for more replicas. The sweep would end in that time.
        fleet.redis.config_set("repl-diskless-sync-delay", 0)
        subprocess.run([client, "-u", fleet.store.url, "--rdb", str(backup)], check=True, capture_output=True)
        return
    written = fleet.folder / "dump.rdb"
    written.unlink(missing_ok=True)
    fleet.redis.bgsave()
    wait_until(written.exists)  # it gets this name when it is complete
    written.rename(backup)


def restore(backup: Path, folder: Path) -> Fleet:
    """Start a service on a new store, which loads the backup as an old append-only file."""
    folder.mkdir()
    shutil.copy(backup, folder / "appendonly.aof")
    return Fleet(folder)


def sort_key(event_id: str) -> tuple[int, ...]:
    """Return the sort key of an event id."""
    return tuple(map(int, event_id.split("-")))


def test_restored_backup_has_all_sweeps_and_finishes_them(
    tmp_path: Path, undisturbed: Sweep, undisturbed_long: Sweep, rng: random.Random
) -> None:
    for number in rounds(full=5, in_ci=1):
        (folder := tmp_path / str(number)).mkdir()
        lost = Fleet(folder)
        try:
            lost.start_worker(processes=1)
            ended, running, queued = lost.submit(), lost.submit(LONG), lost.submit()
            lost.assert_complete(ended, undisturbed)
            lost.wait_for_epochs(running, rng.randrange(1, 100))
            wait_until(lambda: lost.redis.exists(*(SweepKeys(running).checkpoint(index) for index in range(4))))  # noqa: B023
            finished = lost.dump_sweep(ended)
            back_up(lost, tmp_path / "backup.rdb")
            # The next epoch is not in the backup.
            lost.wait_for_epochs(running, lost.sweep(running).progress.epochs_done + 1)
            published = lost.event_ids(running)
        finally:
            lost.close()

        restored = restore(tmp_path / "backup.rdb", folder / "restored")
        try:
            assert restored.dump_sweep(ended) == finished
            restored_ids = restored.event_ids(running)
            assert restored_ids == published[: len(restored_ids)]
            assert len(restored_ids) < len(published)
            assert [restored.sweep(sweep_id).status for sweep_id in (ended, running, queued)] == [
                RunStatus.SUCCEEDED,
                RunStatus.RUNNING,
                RunStatus.QUEUED,
            ]
            restored.start_worker(processes=1)
            restored.assert_complete(running, undisturbed_long)
            restored.assert_complete(queued, undisturbed)
            ids = restored.event_ids(running)
            assert ids[: len(restored_ids)] == restored_ids
            # Clients that resume after the last event before the restore must not miss new events.
            assert sort_key(ids[len(restored_ids)]) > sort_key(published[-1])
            restored.assert_no_messages()
            after = restored.dump_sweep(running)
            restored.store.kill()
            restored.store.start()
            assert restored.dump_sweep(running) == after
            assert restored.dump_sweep(ended) == finished
        finally:
            restored.close()
