"""A proxy that cuts connections."""

import socket
import threading
from contextlib import suppress

import httpx

from noisesweep.local.launcher import LOOPBACK


class Proxy:
    """Stands between a client and the API, byte by byte, and cuts connections.

    Attributes:
        cuts: For each connection to come, after how many bytes of the answers it is cut; None, and all after the last,
            are left whole.
        connections: How many there were.
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
                threading.Thread(target=self._pass_on, args=(client, service, None), daemon=True).start()
                threading.Thread(target=self._pass_on, args=(service, client, cut), daemon=True).start()

    @staticmethod
    def _pass_on(source: socket.socket, sink: socket.socket, most_bytes: int | None) -> None:
        passed = 0
        with suppress(OSError):
            while chunk := source.recv(65536):
                if most_bytes is not None and passed + len(chunk) > most_bytes:
                    sink.sendall(chunk[: most_bytes - passed])
                    break
                sink.sendall(chunk)
                passed += len(chunk)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        source.close()
