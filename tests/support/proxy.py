"""A TCP proxy that cuts connections."""

import socket
import threading
from contextlib import suppress

import httpx

from noisesweep.local.launcher import LOOPBACK


class Proxy:
    """TCP proxy between a client and the API that cuts connections.

    Attributes:
        cuts: For each connection in order, the number of response bytes after which it is cut. None means never, as do
            missing items.
        connections: Number of connections so far.
    """

    def __init__(self, target: httpx.URL, cuts: list[int | None]) -> None:
        self.cuts = cuts
        self.connections = 0
        self._target = (target.host, target.port or 80)
        self._listener = socket.create_server((LOOPBACK, 0))
        self.url = f"http://{LOOPBACK}:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _ = self._listener.accept()
                cut = self.cuts[self.connections] if self.connections < len(self.cuts) else None
                self.connections += 1
                service = socket.create_connection(self._target)
                threading.Thread(target=self._forward, args=(client, service, None), daemon=True).start()
                threading.Thread(target=self._forward, args=(service, client, cut), daemon=True).start()

    @staticmethod
    def _forward(source: socket.socket, sink: socket.socket, max_bytes: int | None) -> None:
        forwarded = 0
        with suppress(OSError):
            while chunk := source.recv(65536):
                if max_bytes is not None and forwarded + len(chunk) > max_bytes:
                    sink.sendall(chunk[: max_bytes - forwarded])
                    break
                sink.sendall(chunk)
                forwarded += len(chunk)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        source.close()
