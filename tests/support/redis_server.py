"""A Redis server that a test may stop, kill and start again."""

import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError

from noisesweep.local.launcher import LOOPBACK, free_port, store_binary
from tests.support.waiting import wait_until


class RedisServer:
    """A Redis server in a process of its own, which writes nothing to disk unless it is durable.

    Args:
        folder: Holds its log and its data.
        port: The port it listens on; a free one if None.
        durable: Append every write to a file before it is acknowledged.
        options: More of its command line.
        host: The address under which clients reach it.
        within: A command that runs its command, as `ip netns exec` does.
    """

    def __init__(
        self,
        folder: Path,
        port: int | None = None,
        *,
        durable: bool = False,
        options: Sequence[str] = (),
        host: str = LOOPBACK,
        within: Sequence[str] = (),
    ) -> None:
        self.port = port or free_port()
        self.url = f"redis://{host}:{self.port}/0"
        self.client: Redis = Redis.from_url(self.url, decode_responses=True)
        self._command = [*within, store_binary(), "--port", str(self.port), "--save", "", "--dir", str(folder)]
        self._command += options
        if durable:
            self._command += ["--appendonly", "yes", "--appendfsync", "always"]
        self._log = (folder / "redis.log").open("wb")
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Start it, if it has ended, and return when it answers."""
        if self._process:
            self._process.wait()
        self._process = subprocess.Popen(
            self._command, stdout=self._log, stderr=subprocess.STDOUT, start_new_session=True
        )
        wait_until(self._answers)

    def stop(self) -> None:
        """Stop it with SIGTERM."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Stop it with SIGKILL."""
        self._end(signal.SIGKILL)

    def close(self) -> None:
        """Stop it for good."""
        self.client.close()
        self.stop()
        self._log.close()

    def _end(self, by: signal.Signals) -> None:
        assert self._process
        self._process.send_signal(by)
        self._process.wait()

    def _answers(self) -> bool:
        assert self._process
        assert self._process.poll() is None, Path(self._log.name).read_text(errors="replace")
        try:
            return bool(self.client.ping())
        except RedisError:
            return False
