"""Tests of the HTTP connections of the client."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Barrier, Thread

import pytest

from noisesweep.client.connection import Connection

THREADS = 30


class Server(ThreadingHTTPServer):
    """Server that answers when all threads have sent their request.

    Attributes:
        connections: Number of connections that clients have opened.
    """

    request_queue_size = THREADS

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.barrier = Barrier(THREADS)
        self.connections = 0


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def setup(self) -> None:
        self.server.connections += 1
        super().setup()

    def do_GET(self) -> None:
        self.server.barrier.wait(30)
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_threads_that_share_a_client_keep_their_connections(server: Server) -> None:
    connection = Connection(f"http://127.0.0.1:{server.server_port}", "")
    with connection.client() as client, ThreadPoolExecutor(THREADS) as threads:
        for _ in range(2):
            answers = list(threads.map(lambda _: client.get("/"), range(THREADS)))
            assert [answer.status_code for answer in answers] == [204] * THREADS
    assert server.connections == THREADS
