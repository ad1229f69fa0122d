import os
import random
from collections.abc import Iterator

import pytest

from noisesweep.models import RunStatus, Sweep
from tests.support.fleet import LONG, Fleet


@pytest.fixture(scope="package")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    fleet = Fleet(tmp_path_factory.mktemp("fleet"))
    yield fleet
    fleet.close()


@pytest.fixture(scope="package")
def undisturbed(fleet: Fleet) -> Sweep:
    """Return a sweep of BODY that was trained without faults. Fault tests compare their sweeps with it."""
    fleet.ensure_worker()
    sweep = fleet.wait_for_end(fleet.submit())
    assert sweep.status is RunStatus.SUCCEEDED
    return sweep


@pytest.fixture(scope="package")
def undisturbed_long(fleet: Fleet) -> Sweep:
    """Return a sweep of LONG that was trained without faults. Fault tests compare their sweeps with it."""
    fleet.ensure_worker()
    sweep = fleet.wait_for_end(fleet.submit(LONG))
    assert sweep.status is RunStatus.SUCCEEDED
    return sweep


@pytest.fixture
def rng() -> random.Random:
    """Return a random generator for times and targets.

    A failed test prints its seed. Set NOISESWEEP_FAULT_SEED to this seed to repeat the same times and targets.
    """
    seed = int(os.environ.get("NOISESWEEP_FAULT_SEED", random.SystemRandom().randrange(2**32)))
    print(f"NOISESWEEP_FAULT_SEED={seed}")
    return random.Random(seed)


@pytest.fixture(autouse=True)
def _log_on_failure(fleet: Fleet, request: pytest.FixtureRequest) -> Iterator[None]:
    """Print what the workers logged during the test. pytest shows the output of a failed test."""
    log = fleet.folder / "worker.log"
    before = log.stat().st_size if log.exists() else 0
    yield
    if log.exists():
        with log.open(errors="replace") as lines:
            lines.seek(before)
            print(lines.read()[-20_000:])
