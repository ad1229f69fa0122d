"""The service as `docker compose up --build` makes it, in a project of the tests' own, on a real Docker engine."""

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
# Long enough to be struck in the middle.
SWEEP = {"scales": [0.1, 1.0], "epochs": 6, "reuse": False} | ({} if DATA else {"dataset": "digits", "epochs": 200})
SECONDS = 300.0


def why_not() -> str:
    """Why no container can be run here; "" if one can."""
    try:
        answer = subprocess.run(["docker", "info"], capture_output=True, text=True, check=False, timeout=20)
        compose = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False, timeout=20)
    except FileNotFoundError:
        return "containers are not tried: there is no docker on the PATH"
    except subprocess.TimeoutExpired:
        return "containers are not tried: the Docker engine does not answer"
    if answer.returncode != 0:
        return f"containers are not tried: {(answer.stderr.strip() or answer.stdout.strip()).splitlines()[-1]}"
    return "" if compose.returncode == 0 else "containers are not tried: docker has no Compose plugin"


class Project(Client):
    """A project of Compose.

    Attributes:
        http: A client of its API, from this host.
    """

    def __init__(self, folder: Path, environment: dict[str, str], *files: str) -> None:
        self.name = f"noisesweep-test-{secrets.token_hex(3)}"
        self.port = free_port()
        self._files = [part for file in files for part in ("--file", file)]
        theirs = {name: value for name, value in os.environ.items() if not name.startswith(("NOISESWEEP_", "COMPOSE_"))}
        self._environment = theirs | {
            "NOISESWEEP_PORT": str(self.port),
            "NOISESWEEP_DATA_DIR": DATA or str(folder),
            **environment,
        }
        super().__init__(httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=30, trust_env=False), SWEEP)

    def compose(self, *arguments: str, stdin: bytes | None = None) -> bytes:
        """What `docker compose` says to that; a failure shows why."""
        command = ["docker", "compose", "--env-file", os.devnull, "--project-name", self.name, *self._files, *arguments]
        answer = subprocess.run(command, cwd=HERE, env=self._environment, input=stdin, capture_output=True, check=False)
        assert answer.returncode == 0, f"{' '.join(arguments)}: {answer.stderr.decode(errors='replace')[-3000:]}"
        return answer.stdout

    def up(self, *arguments: str) -> None:
        self.compose("up", "--detach", "--wait", *arguments)

    def containers(self, service: str) -> list[str]:
        """Their ids, also of those that have stopped."""
        return self.compose("ps", "--all", "--quiet", service).decode().split()

    def run(self, service: str, *command: str) -> str:
        """What a command says in a container of the service."""
        return self.compose("exec", "--no-TTY", service, *command).decode()

    def leave_in_store(self, name: str) -> None:
        """Make an empty file in the store's volume, while the store is down."""
        self.compose("run", "--rm", "--no-TTY", "--entrypoint", "touch", "redis", f"/data/{name}")

    def ended(self, sweep_id: str) -> Sweep:
        """The sweep when it has ended; the API may be away meanwhile."""

        def is_final() -> bool:
            try:
                return self.sweep(sweep_id).status.is_final
            except httpx.HTTPError:
                return False

        wait_until(is_final, SECONDS)
        return self.sweep(sweep_id)

    def assert_whole(self, sweep_id: str, undisturbed: Sweep) -> Sweep:
        """The invariant: it has succeeded, with each epoch once, in order, and the weights of an undisturbed sweep."""
        sweep = self.ended(sweep_id)
        assert sweep.status is RunStatus.SUCCEEDED
        assert [run.weights_sha256 for run in sweep.runs] == [run.weights_sha256 for run in undisturbed.runs]
        for run in sweep.runs:
            epochs = self.http.get(f"/runs/{run.id}").raise_for_status().json()["epochs"]
            assert [epoch["epoch"] for epoch in epochs] == list(range(sweep.config.epochs))
        return sweep

    def log(self) -> str:
        """The last lines of each container."""
        return self.compose("logs", "--no-color", "--tail", "40").decode(errors="replace")

    def close(self) -> None:
        self.http.close()
        self.compose("--profile", "*", "down", "--volumes", "--timeout", "5")


def inspect(kind: str, *names: str) -> list[dict[str, Any]]:
    """What Docker knows of containers or images."""
    answer = subprocess.run(["docker", kind, "inspect", *names], capture_output=True, check=True)
    known: list[dict[str, Any]] = json.loads(answer.stdout)
    return known
