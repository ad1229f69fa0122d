"""The client and the command line through nginx, at the root of a host and below a path."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from noisesweep import NoiseSweep
from noisesweep.client._sync.service import PAGE_SIZE
from shared.settings import Settings
from tests.support.api import ApiThread
from tests.support.nginx import ROOT_PATH, Nginx, documented_servers, nginx_or_skip
from tests.support.pictures import PNG_MAGIC
from tests.support.tls import CertificateAuthority
from tests.support.training import Training


@pytest.fixture(params=["root", "below a path", "below a path that the service does not know"])
def url(
    request: pytest.FixtureRequest,
    settings: Settings,
    authority: CertificateAuthority,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[str]:
    """Yield the URL of a service behind nginx."""
    nginx_or_skip()
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.certificate))
    path = "" if request.param == "root" else ROOT_PATH
    root_path = ROOT_PATH if request.param == "below a path" else ""
    api = ApiThread(settings.model_copy(update={"root_path": root_path}))
    nginx = Nginx(tmp_path, authority, api.url, documented_servers()[1 if path else 0])
    yield f"{nginx.url}{path}"
    nginx.close()
    api.close()


def test_client_works_through_nginx(url: str, training: Training, tmp_path: Path) -> None:
    with NoiseSweep(f"{url}/") as service:
        assert service.url == url
        ids = [service.submit(scales=[0.1, 0.5], dataset="digits", epochs=2).id for _ in range(PAGE_SIZE + 1)]
        assert [sweep.id for sweep in service.sweeps()] == ids[::-1]
        sweep = service.sweep(ids[0])
        training.epochs(f"/sweeps/{sweep.id}", runs=2, epochs=2, end=True)
        assert [event.type for event in sweep.follow()][-1] == "sweep.ended"
        assert len(sweep.wait().results()) == 4
        assert sweep.plot(tmp_path / "plot.png").read_bytes().startswith(PNG_MAGIC)
        assert sweep.extend(scales=[1.0]).record.scales == [0.1, 0.5, 1.0]


def test_command_line_works_through_nginx(url: str) -> None:
    def run(*command: str) -> str:
        arguments = [sys.executable, "-m", "noisesweep", *command]
        environment = os.environ | {"NOISESWEEP_URL": url}
        return subprocess.run(arguments, env=environment, capture_output=True, text=True, check=True).stdout

    with NoiseSweep(url) as service:
        sweep = service.submit(scales=[0.5], dataset="digits")
    assert sweep.id in run("list")
    shown = json.loads(run("show", "last", "--json"))
    assert shown["links"] == sweep.record.links.model_dump()
