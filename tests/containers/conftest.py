"""Tests of the service as `docker compose up --build` starts it, on a real Docker engine."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from noisesweep.models import RunStatus, Sweep
from tests.support.compose import Project, skip_reason


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip all tests with one message if containers cannot run here."""
    first, *others = [item for item in items if item.path.parent == Path(__file__).parent]
    if reason := skip_reason():
        first.add_marker(pytest.mark.skip(reason=reason))
        for item in others:
            items.remove(item)


@pytest.fixture(scope="package")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """Yield the service with one worker. Each test must leave it in this state."""
    project = Project(tmp_path_factory.mktemp("data"), {}, "docker-compose.yml")
    try:
        project.up("--build")
        yield project
    finally:
        project.close()


@pytest.fixture(autouse=True)
def _log_on_failure(request: pytest.FixtureRequest) -> Iterator[None]:
    """Print the logs of the containers, which pytest shows if the test fails."""
    yield
    if "project" in request.fixturenames:
        print(request.getfixturevalue("project").log())


@pytest.fixture(scope="package")
def undisturbed(project: Project) -> Sweep:
    """Return the sweep SWEEP, trained without faults, as the reference."""
    sweep = project.wait_for_end_with_retries(project.submit())
    assert sweep.status is RunStatus.SUCCEEDED, sweep
    return sweep
