"""A Redis server that tests can stop, kill and restart."""

import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError

from noisesweep.local.launcher import LOOPBACK, free_port, store_binary
from tests.support.waiting import wait_until


class RedisServer:
    """Redis server in a separate process. It writes nothing to disk unless it is durable.

    Args:
        folder: Folder for the log and the data.
        port: The port to listen on; a free one if None.
        durable: Append every write to a file before acknowledging it.
        options: More command line options.
        host: The address that clients connect to.
        command_prefix: Command that runs another command, for example `ip netns exec NAME`.
        program: Path of the server; None means the one that the launcher would use.
    """

    def __init__(
        self,
        folder: Path,
        port: int | None = None,
        *,
        durable: bool = False,
        options: Sequence[str] = (),
        host: str = LOOPBACK,
        command_prefix: Sequence[str] = (),
        program: str | None = None,
    ) -> None:
        self.port = port or free_port()
        self.url = f"redis://{host}:{self.port}/0"
        self.client: Redis = Redis.from_url(self.url, decode_responses=True)
        self._command = [*command_prefix, program or store_binary(), "--port", str(self.port)]
        self._command += ["--save", "", "--dir", str(folder), *options]
        if durable:
            self._command += ["--appendonly", "yes", "--appendfsync", "always"]
        self._log = (folder / "redis.log").open("wb")
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def pid(self) -> int:
        assert self._process
        return self._process.pid

    def start(self) -> None:
        """Wait until the previous process has ended, start a new one, and wait until it responds."""
        if self._process:
            self._process.wait()
        self._process = subprocess.Popen(
            self._command, stdout=self._log, stderr=subprocess.STDOUT, start_new_session=True
        )
        wait_until(self._responds)

    def stop(self) -> None:
        """Stop the server with SIGTERM."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Kill the server with SIGKILL."""
        self._end(signal.SIGKILL)

    def close(self) -> None:
        """Stop the server and close the client and the log."""
        self.client.close()
        self.stop()
        self._log.close()

    def _end(self, signal_: signal.Signals) -> None:
        assert self._process
        self._process.send_signal(signal_)
        self._process.wait()

    def _responds(self) -> bool:
        assert self._process
        assert self._process.poll() is None, Path(self._log.name).read_text(errors="replace")
        try:
            return bool(self.client.ping())
        except RedisError:
            return False
