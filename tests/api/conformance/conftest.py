from collections.abc import Iterator

import pytest

from shared.settings import Settings
from tests.api.conformance.routes import BODIES, Service
from tests.support.api import ApiThread
from tests.support.nginx import ROOT_PATH, Nginx, documented_servers, nginx_or_skip
from tests.support.redis_server import RedisServer
from tests.support.tls import CertificateAuthority
from tests.support.training import Training
from worker.leases import Leases


@pytest.fixture(scope="module", params=["direct", "nginx"])
def service(
    request: pytest.FixtureRequest,
    redis_server: RedisServer,
    authority: CertificateAuthority,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Service]:
    """Yield the API, and the API below a path of nginx with TLS."""
    if request.param == "nginx":
        nginx_or_skip()
    root_path = ROOT_PATH if request.param == "nginx" else ""
    redis_server.client.flushall()
    settings = Settings(redis_url=redis_server.url, cors_origins=["https://lab.example"], root_path=root_path)
    api, leases = ApiThread(settings), Leases(settings)
    sweep = api.http.post("/sweeps", json={"scales": [0.5], "dataset": "digits", "keep_model": True}).json()
    Training(leases).epochs(f"/sweeps/{sweep['id']}", runs=1, epochs=2, end=True, model=b"PK")
    added = api.http.post(
        "/datasets?name=bars", headers={"Content-Type": "application/zip"}, content=BODIES["/datasets"]
    )
    assert added.status_code == 201
    other = api.http.post("/sweeps", json={"scales": [0.5], "dataset": "digits", "epochs": 3}).json()
    if root_path:
        nginx = Nginx(tmp_path_factory.mktemp("nginx"), authority, api.url, documented_servers()[1])
        yield Service(api, sweep["id"], other["id"], nginx, root_path)
        nginx.close()
    else:
        yield Service(api, sweep["id"], other["id"], api)
    leases.close()
    api.close()
