"""Doubles of an old Redis, which this machine need not have."""

import re
import socket
import threading
from contextlib import suppress
from pathlib import Path

from noisesweep.local.launcher import LOOPBACK
from tests.support.redis_server import RedisServer

# The version in the replies to INFO and HELLO, in which one digit changes, so that their lengths stay the same.
_VERSION = re.compile(rb"((?:redis|valkey)_version:|version\r\n\$\d+\r\n)\d")
DENIED = b"-NOPERM this user has no permissions to run the 'info' command\r\n"
UNKNOWN = b"-ERR unknown command 'HELLO', with args beginning with: '3'\r\n"


class OldRedisDouble:
    """Double of an old Redis: a proxy to a real server that changes the version in the replies to INFO and HELLO.

    Attributes:
        major: First digit of the version that it reports; None changes nothing.
        denies_info: Whether it rejects INFO.
        knows_hello: Whether it knows HELLO.
        url: URL of the proxy.
    """

    def __init__(self, server: RedisServer, major: int | None = 6) -> None:
        self.major = major
        self.denies_info, self.knows_hello = False, True
        self._port = server.port
        self._listener = socket.create_server((LOOPBACK, 0))
        self.url = f"redis://{LOOPBACK}:{self._listener.getsockname()[1]}/0"
        self._sockets: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def disconnect(self) -> None:
        """Close all connections, like a server that restarts."""
        while self._sockets:
            with suppress(OSError):
                self._sockets.pop().shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._listener.close()
        self.disconnect()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection((LOOPBACK, self._port))
                self._sockets += [client, server]
                threading.Thread(target=self._forward, args=(client, server, client), daemon=True).start()
                threading.Thread(target=self._forward, args=(server, client, None), daemon=True).start()

    def _forward(self, source: socket.socket, sink: socket.socket, client: socket.socket | None) -> None:
        with suppress(OSError):
            while chunk := source.recv(65536):
                if client and self.denies_info and b"INFO\r\n$6\r\nserver" in chunk:
                    client.sendall(DENIED)
                elif client and not self.knows_hello and b"HELLO\r\n" in chunk:
                    client.sendall(UNKNOWN)
                elif client or self.major is None:
                    sink.sendall(chunk)
                else:
                    sink.sendall(_VERSION.sub(rb"\g<1>%d" % self.major, chunk))
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        source.close()


def write_redis_server_double(folder: Path, script: str = "echo 'Redis server v=6.2.14 sha=00000000:0'") -> Path:
    """Write a double of the program `redis-server` that runs a shell script, by default one of version 6.2."""
    folder.mkdir(exist_ok=True)
    program = folder / "redis-server"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return program
