"""A TCP proxy that cuts and slows connections."""

import socket
import threading
import time
from collections.abc import Sequence
from contextlib import suppress

from noisesweep.local.launcher import LOOPBACK


class Proxy:
    """TCP proxy between a client and a server on this computer that cuts and slows connections.

    Attributes:
        cuts: For each connection in order, the number of response bytes after which it is cut. None means never, as do
            missing items.
        connections: Number of connections so far.
        delay_seconds: Delay of each piece of data, in both directions.
        address: Host and port of the proxy.
        url: Its URL for HTTP.
    """

    def __init__(self, port: int, cuts: Sequence[int | None] = ()) -> None:
        self.cuts = cuts
        self.connections = 0
        self.delay_seconds = 0.0
        self._target = (LOOPBACK, port)
        self._listener = socket.create_server((LOOPBACK, 0))
        self.address = f"{LOOPBACK}:{self._listener.getsockname()[1]}"
        self.url = f"http://{self.address}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _ = self._listener.accept()
                cut = self.cuts[self.connections] if self.connections < len(self.cuts) else None
                self.connections += 1
                try:
                    server = socket.create_connection(self._target)
                except OSError:  # it is down
                    client.close()
                    continue
                threading.Thread(target=self._forward, args=(client, server, None), daemon=True).start()
                threading.Thread(target=self._forward, args=(server, client, cut), daemon=True).start()

    def _forward(self, source: socket.socket, sink: socket.socket, max_bytes: int | None) -> None:
        sink.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        forwarded = 0
        with suppress(OSError):
            while chunk := source.recv(65536):
                time.sleep(self.delay_seconds)
                if max_bytes is not None and forwarded + len(chunk) > max_bytes:
                    sink.sendall(chunk[: max_bytes - forwarded])
                    break
                sink.sendall(chunk)
                forwarded += len(chunk)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        source.close()
