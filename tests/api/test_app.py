import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from inspect import iscoroutinefunction
from pkgutil import iter_modules
from typing import Any
from urllib.parse import urljoin

import httpx
import psutil
import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from api import routes
from noisesweep.local.launcher import free_port
from shared.settings import Settings
from tests.support.waiting import wait_until


def test_every_field_has_a_description_and_example(http: httpx.Client) -> None:
    schemas: dict[str, Any] = http.get("/openapi.json").json()["components"]["schemas"]
    objects = {name: schema for name, schema in schemas.items() if schema["type"] == "object"}
    assert {"SweepRequest", "RunRequest", "Sweep", "Run", "EpochMetrics", "Problem"} <= objects.keys()
    for name, schema in objects.items():
        for field, described in schema["properties"].items():
            assert described.get("description"), f"{name}.{field}"
            if described.get("type") in ("string", "number", "integer") and "const" not in described:
                assert described.get("examples"), f"{name}.{field}"


def operations(http: httpx.Client) -> Iterator[dict[str, Any]]:
    for methods in http.get("/openapi.json").json()["paths"].values():
        yield from methods.values()


def test_every_route_documents_its_errors_as_problem_documents(http: httpx.Client) -> None:
    for operation in operations(http):
        errors = {status: answer for status, answer in operation["responses"].items() if status[0] not in "23"}
        assert "default" not in errors  # it would not tell errors apart
        parameters = operation.get("parameters", [])
        # A route answers 404 if its path or query names a resource (images, data sets and sweeps in the query).
        names_resource = any(parameter["in"] == "path" for parameter in parameters) or operation["tags"] == ["noise"]
        names_resource |= bool({"indices", "sweep"} & {parameter["name"] for parameter in parameters})
        names_resource &= operation["operationId"] != "set_quota"  # it creates what its path names
        assert ("404" in errors) == names_resource
        assert "422" in errors or "requestBody" not in operation
        for answer in errors.values():
            assert list(answer["content"]) == ["application/problem+json"]
    assert "HTTPValidationError" not in http.get("/openapi.json").json()["components"]["schemas"]


def test_openapi_parameters_are_never_null(http: httpx.Client) -> None:
    parameters = [parameter for operation in operations(http) for parameter in operation.get("parameters", [])]
    assert parameters
    for parameter in parameters:
        assert "null" not in json.dumps(parameter["schema"])


def test_docs_work_without_internet(http: httpx.Client) -> None:
    page = http.get("/", follow_redirects=True)
    assert page.url.path == "/docs"
    for path in ("/docs", "/redoc"):
        text = http.get(path).text
        assert "https://" not in text
        scripts = re.findall(r'<script[^>]* src="([^"]+)"', text)
        assert scripts
        assert [http.get(urljoin(path, script)).status_code for script in scripts] == [200] * len(scripts)


def test_data_sets_are_listed_with_sizes_and_hashes(http: httpx.Client) -> None:
    datasets = {entry["name"]: entry for entry in http.get("/datasets").json()["datasets"]}
    assert datasets.keys() == {"mnist", "fashion_mnist", "digits"}
    assert datasets["mnist"]["training_images"] == 60_000
    assert all(len(entry["sha256"]) == 64 for entry in datasets.values())


def test_api_imports_neither_tensorflow_nor_worker() -> None:
    script = (
        "import sys, api.__main__; "
        "sys.exit(any(name.split('.')[0] in ('tensorflow', 'keras', 'sklearn', 'worker') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_api_without_keys_refuses_public_address(host: str) -> None:
    environment = os.environ | {"NOISESWEEP_HOST": host}
    refusal = subprocess.run(
        [sys.executable, "-m", "api"], env=environment, capture_output=True, text=True, timeout=30, check=False
    )
    assert refusal.returncode == 1
    assert f"refusing to bind {host}" in refusal.stderr
    assert "NOISESWEEP_ALLOW_ANONYMOUS" in refusal.stderr


def test_shutdown_finishes_open_requests(settings: Settings, http: httpx.Client) -> None:
    plot = http.post("/sweeps", json={"scales": [0.1, 0.5]}).json()["links"]["plot"]
    port = free_port()
    environment = os.environ | {
        "NOISESWEEP_REDIS_URL": settings.redis_url.get_secret_value(),
        "NOISESWEEP_PORT": str(port),
    }
    with (
        subprocess.Popen([sys.executable, "-m", "api"], env=environment, stderr=subprocess.PIPE, text=True) as api,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as other,
        ThreadPoolExecutor(1) as thread,
    ):
        assert api.stderr
        while "Uvicorn running" not in api.stderr.readline():
            assert api.poll() is None
        answer = thread.submit(other.get, plot)  # the first plot of a process takes nearly a second
        connections = psutil.Process(api.pid).net_connections
        wait_until(lambda: any(each.laddr.port == port and each.raddr for each in connections()))
        time.sleep(0.1)  # until the API has read the request
        api.terminate()
        assert answer.result().status_code == 200
        api.stderr.read()
        assert api.wait(timeout=30) in (0, -signal.SIGTERM)


def test_requests_need_no_thread_for_dependencies() -> None:
    """Check that all are asynchronous: FastAPI calls others, for example classes, in one of 40 threads."""

    def calls(dependant: Dependant) -> Iterator[object]:
        yield dependant.call
        for dependency in dependant.dependencies:
            yield from calls(dependency)

    modules = [import_module(f"{routes.__name__}.{module.name}") for module in iter_modules(routes.__path__)]
    routers = [module.router for module in modules if hasattr(module, "router")]
    served = [route for router in routers for route in router.routes if isinstance(route, APIRoute)]
    assert len(served) > 20
    assert [call for route in served for call in calls(route.dependant) if not iscoroutinefunction(call)] == []
