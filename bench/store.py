"""A store alone, durable as the product's, and what it spends: processor time, event loop, log, disk, memory."""

import secrets
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from pydantic import SecretStr
from redis import Redis
from redis.exceptions import ConnectionError as NotThereError
from redis.exceptions import RedisError

from noisesweep.local.launcher import LOOPBACK, STORE_CONFIG, LaunchError, free_port, process_group, store_binary
from shared.settings import Settings

START_SECONDS, STOP_SECONDS = 10.0, 30.0
LOOK_SECONDS = 0.25


@dataclass(frozen=True)
class Spent:
    """What a store spent between two moments.

    Attributes:
        seconds: Between the two.
        cpu: Processor time of its process, as a share of one core; that of a rewrite of its log is not in it.
        machine_cpu: Processor time of everything on this machine, in cores.
        busy: Share of the time in which its one thread did not wait for requests; None where a server does not tell.
        log_busy: Share of the time in which that thread wrote the log and waited until the disk had it; likewise.
        log_bytes: What was appended to the log.
        disk_bytes: What was written to the disk, rewrites of the log included; None where a system does not tell.
        rewrites: Rewrites of the log that ended.
        peak_bytes: The most memory that it used for data and buffers.
        copied_bytes: What its last rewrite took beside that, of pages that changed meanwhile.
    """

    seconds: float
    cpu: float
    machine_cpu: float
    busy: float | None
    log_busy: float | None
    log_bytes: int
    disk_bytes: int | None
    rewrites: int
    peak_bytes: int
    copied_bytes: int


class StoreServer:
    """A running store.

    Attributes:
        settings: Those of a worker or an API that uses it, else by default.
        redis: A connection to look into it.
    """

    def __init__(self, settings: Settings, process: psutil.Process) -> None:
        self.settings = settings
        self.redis: Redis = Redis.from_url(settings.redis_url.get_secret_value(), decode_responses=True)
        self._process = process

    @property
    def used_bytes(self) -> int:
        """The memory that it uses for data and buffers."""
        return int(self.info("memory")["used_memory"])

    @contextmanager
    def watched(self) -> Iterator[list[Spent]]:
        """Watch what it spends from here to the end of the `with`, after which the list holds that."""
        spent: list[Spent] = []
        watch = _Watch(self.redis, self._process)
        before = self._reading()
        with watch:
            yield spent
        after = self._reading()
        seconds = after["at"] - before["at"]

        def share(figure: str) -> float | None:
            known = figure in before and figure in after
            return (after[figure] - before[figure]) / 1e6 / seconds if known else None

        spent.append(
            Spent(
                seconds=seconds,
                cpu=(after["cpu"] - before["cpu"]) / seconds,
                machine_cpu=(after["machine_cpu"] - before["machine_cpu"]) / seconds,
                busy=share("eventloop_duration_sum"),
                log_busy=share("eventloop_duration_aof_sum"),
                log_bytes=watch.log_bytes,
                disk_bytes=watch.disk_bytes,
                rewrites=int(after.get("aof_rewrites", 0) - before.get("aof_rewrites", 0)),
                peak_bytes=watch.peak_bytes,
                copied_bytes=int(after.get("aof_last_cow_size", 0)),
            )
        )

    def _reading(self) -> dict[str, Any]:
        machine, cpu = psutil.cpu_times(), self.info("cpu")
        waiting = machine.idle + getattr(machine, "iowait", 0.0)
        return (
            self.info("stats")
            | self.info("debug")
            | self.info("persistence")
            | {
                "at": time.monotonic(),
                "cpu": cpu["used_cpu_user"] + cpu["used_cpu_sys"],
                "machine_cpu": sum(machine)
                - waiting
                - getattr(machine, "guest", 0.0)
                - getattr(machine, "guest_nice", 0.0),
            }
        )

    def info(self, section: str) -> dict[str, Any]:
        """A section of what it says of itself."""
        found: dict[str, Any] = self.redis.info(section)
        return found


class _Watch:
    """Looks again and again at what only grows until a rewrite of the log sets it back, or is gone with its process."""

    def __init__(self, redis: Redis, process: psutil.Process) -> None:
        self.log_bytes, self.peak_bytes = 0, 0
        self._redis, self._process = redis, process
        self._log_size: int | None = None
        self._written: dict[int, int] = {}
        self._written_before: dict[int, int] = {}
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look_again, name="watch", daemon=True)

    @property
    def disk_bytes(self) -> int | None:
        """What the store and its rewrites have had written to the disk."""
        if not self._written:
            return None
        return sum(self._written.values()) - sum(self._written_before.values())

    def __enter__(self) -> None:
        self._look()
        self._written_before = dict(self._written)
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()
        self._look()

    def _look_again(self) -> None:
        while not self._done.wait(LOOK_SECONDS):
            with suppress(RedisError):  # a store that is too busy to answer is looked at the next time
                self._look()

    def _look(self) -> None:
        info: dict[str, Any] = self._redis.info("memory", "persistence")
        size = int(info["aof_current_size"])
        if self._log_size is not None:
            self.log_bytes += max(0, size - self._log_size)  # less after a rewrite
        self._log_size = size
        self.peak_bytes = max(self.peak_bytes, int(info["used_memory"]))
        with suppress(psutil.Error, AttributeError):  # no such figure on macOS
            for process in [self._process, *self._process.children()]:
                self._written[process.pid] = process.io_counters().write_bytes


@contextmanager
def without_waiting(redis: Redis) -> Iterator[None]:
    """Let a store not wait for the disk meanwhile, where what it does is not measured."""
    redis.config_set("appendfsync", "no")
    try:
        yield
    finally:
        redis.config_set("appendfsync", "always")


@contextmanager
def store(memory: int) -> Iterator[StoreServer]:
    """Start a store that takes so many bytes of memory, in a temporary folder, and stop it at the end.

    How long that folder's disk takes to keep a write is part of what is measured: TMPDIR names another one.

    Raises:
        LaunchError: It did not start, or ended by itself.
    """
    password, port = secrets.token_urlsafe(24), free_port()
    settings = Settings(redis_url=SecretStr(f"redis://:{password}@{LOOPBACK}:{port}/0"))
    with ExitStack() as cleanup:
        folder = Path(cleanup.enter_context(tempfile.TemporaryDirectory(prefix="noisesweep-bench-")))
        config, log = folder / "store.conf", folder / "log"
        config.write_text(
            STORE_CONFIG.format(host=LOOPBACK, port=port, password=password, directory=folder, memory=memory)
        )
        # The group ends with this process, however it ends.
        group = cleanup.enter_context(process_group())
        output = cleanup.enter_context(log.open("wb"))
        process = subprocess.Popen(  # noqa: S603 - the project's own
            [store_binary(), str(config)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            process_group=group,
        )
        cleanup.callback(_stop, process)
        server = StoreServer(settings, psutil.Process(process.pid))
        cleanup.callback(server.redis.close)
        _wait_until_ready(server, process, log)
        yield server
        if process.poll() is not None:
            raise LaunchError(f"The store ended by itself; the end of its log:\n{log.read_text()[-2000:]}")


def _wait_until_ready(server: StoreServer, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            server.redis.ping()
        except NotThereError:
            time.sleep(0.02)
        else:
            return
    raise LaunchError(f"The store did not start; its log:\n{log.read_text()[-2000:]}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End it and a rewrite of its log at once: what they write is thrown away with its folder."""
    with suppress(psutil.NoSuchProcess):
        for child in psutil.Process(process.pid).children():
            child.kill()
    process.kill()
    process.wait(STOP_SECONDS)
