"""The service as started by `docker compose up --build`, in a project for tests, on a real Docker engine."""

import json
import os
import secrets
import subprocess
from pathlib import Path
from typing import Any

import httpx

from noisesweep.local.launcher import free_port
from noisesweep.models import RunStatus, Sweep
from tests.support.service import Client
from tests.support.waiting import wait_until

HERE = Path(__file__).parents[2]
DATA = os.environ.get("NOISESWEEP_DATA_DIR")
# Long enough for a fault in the middle.
SWEEP = {"scales": [0.1, 1.0], "epochs": 6, "reuse": False} | ({} if DATA else {"dataset": "digits", "epochs": 200})
SECONDS = 300.0


def skip_reason() -> str:
    """Return the reason why this machine cannot run containers, or an empty string."""
    try:
        answer = subprocess.run(["docker", "info"], capture_output=True, text=True, check=False, timeout=20)
        compose = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False, timeout=20)
    except FileNotFoundError:
        return "docker is not on the PATH"
    except subprocess.TimeoutExpired:
        return "the Docker engine does not respond"
    if answer.returncode != 0:
        return (answer.stderr.strip() or answer.stdout.strip()).splitlines()[-1]
    return "" if compose.returncode == 0 else "docker has no Compose plugin"


class Project(Client):
    """Compose project.

    Attributes:
        http: A client of its API, on this host.
    """

    def __init__(self, folder: Path, environment: dict[str, str], *files: str) -> None:
        self.name = f"noisesweep-test-{secrets.token_hex(3)}"
        self.port = free_port()
        self._files = [part for file in files for part in ("--file", file)]
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith(("NOISESWEEP_", "COMPOSE_"))
        }
        self._environment = inherited | {
            "NOISESWEEP_PORT": str(self.port),
            "NOISESWEEP_DATA_DIR": DATA or str(folder),
            **environment,
        }
        super().__init__(httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=30, trust_env=False), SWEEP)

    def compose(self, *arguments: str, stdin: bytes | None = None) -> bytes:
        """Run `docker compose` and return its output. Fail with its error output."""
        command = ["docker", "compose", "--env-file", os.devnull, "--project-name", self.name, *self._files, *arguments]
        answer = subprocess.run(command, cwd=HERE, env=self._environment, input=stdin, capture_output=True, check=False)
        assert answer.returncode == 0, f"{' '.join(arguments)}: {answer.stderr.decode(errors='replace')[-3000:]}"
        return answer.stdout

    def up(self, *arguments: str) -> None:
        self.compose("up", "--detach", "--wait", *arguments)

    def containers(self, service: str) -> list[str]:
        """Return the ids of the running and stopped containers of a service."""
        return self.compose("ps", "--all", "--quiet", service).decode().split()

    def run(self, service: str, *command: str) -> str:
        """Run a command in a container of the service and return its output."""
        return self.compose("exec", "--no-TTY", service, *command).decode()

    def create_file_in_store_volume(self, name: str) -> None:
        """Create an empty file in the store's volume while the store is stopped."""
        self.compose("run", "--rm", "--no-TTY", "--entrypoint", "touch", "redis", f"/data/{name}")

    def wait_for_end_with_retries(self, sweep_id: str) -> Sweep:
        """Wait until the sweep has ended and return it. Tolerate an unavailable API."""

        def is_final() -> bool:
            try:
                return self.sweep(sweep_id).status.is_final
            except httpx.HTTPError:
                return False

        wait_until(is_final, SECONDS)
        return self.sweep(sweep_id)

    def assert_complete(self, sweep_id: str, undisturbed: Sweep) -> Sweep:
        """Assert that the sweep succeeded, with each epoch once and in order, and with the weights of `undisturbed`."""
        sweep = self.wait_for_end_with_retries(sweep_id)
        assert sweep.status is RunStatus.SUCCEEDED
        assert [run.weights_sha256 for run in sweep.runs] == [run.weights_sha256 for run in undisturbed.runs]
        for run in sweep.runs:
            epochs = self.http.get(f"/runs/{run.id}").raise_for_status().json()["epochs"]
            assert [epoch["epoch"] for epoch in epochs] == list(range(sweep.config.epochs))
        return sweep

    def log(self) -> str:
        """Return the last log lines of each container."""
        return self.compose("logs", "--no-color", "--tail", "40").decode(errors="replace")

    def close(self) -> None:
        self.http.close()
        self.compose("--profile", "*", "down", "--volumes", "--timeout", "5")


def inspect(kind: str, *names: str) -> list[dict[str, Any]]:
    """Return the output of `docker inspect` for containers or images."""
    answer = subprocess.run(["docker", kind, "inspect", *names], capture_output=True, check=True)
    inspected: list[dict[str, Any]] = json.loads(answer.stdout)
    return inspected
