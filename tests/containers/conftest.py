"""The service as `docker compose up --build` makes it, on a real Docker engine."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from noisesweep.models import RunStatus, Sweep
from tests.support.compose import Project, why_not


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where there is no engine, one line says so for all."""
    first, *others = [item for item in items if item.path.parent == Path(__file__).parent]
    if reason := why_not():
        first.add_marker(pytest.mark.skip(reason=reason))
        for item in others:
            items.remove(item)


@pytest.fixture(scope="package")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """The service with one worker; tests leave it so."""
    project = Project(tmp_path_factory.mktemp("data"), {}, "docker-compose.yml")
    try:
        project.up("--build")
        yield project
    finally:
        project.close()


@pytest.fixture(autouse=True)
def _log_on_failure(request: pytest.FixtureRequest) -> Iterator[None]:
    """A failure shows what the containers said."""
    yield
    if "project" in request.fixturenames:
        print(request.getfixturevalue("project").log())


@pytest.fixture(scope="package")
def undisturbed(project: Project) -> Sweep:
    """SWEEP as it ends when nothing happens to it."""
    sweep = project.ended(project.submit())
    assert sweep.status is RunStatus.SUCCEEDED, sweep
    return sweep
