"""Downloads of results that are too large to be sent whole, while their sweep changes."""

import asyncio
import logging
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from api.http.pieces import WHOLE_BYTES
from api.limits import Limits
from api.sweeps.results import csv_pieces, json_pieces
from api.sweeps.store import Store
from noisesweep.models import RunError
from shared.settings import Settings
from tests.support.api import ApiThread
from tests.support.records import evaluation
from tests.support.redis_server import RedisServer
from tests.support.training import invented_metrics
from tests.support.waiting import wait_until
from worker.leases import Leases

FORMATS = ["json", "csv"]
# Its results are larger than WHOLE_BYTES and all buffers between server and client together.
BODY = {"scales": [n / 10 for n in range(1, 31)], "dataset": "digits", "epochs": 200}
DIVERGED = RunError(code="diverged", message="The loss became NaN.")


class Service:
    """API with a store in which all runs of BODY have been trained, so that each new sweep of BODY reuses them."""

    def __init__(self, store: RedisServer) -> None:
        store.client.flushall()
        self.redis = store.client
        self.settings = Settings(redis_url=store.url)
        self.api, self.leases = ApiThread(self.settings), Leases(self.settings)
        self.http = self.api.http
        self.submit()
        claim = self.leases.claim(limit=30, device="cpu")
        assert claim
        for run in claim.runs:
            for epoch in range(200):
                self.leases.commit(claim, run, invented_metrics(epoch, run.scale))
            self.leases.succeed(claim, run, "ab" * 32, evaluation(self.leases.test_scales(claim)))

    def submit(self) -> dict[str, str]:
        """Submit a sweep and return its id and its paths."""
        sweep = self.http.post("/sweeps", json=BODY).raise_for_status().json()
        return {"id": sweep["id"], "self": sweep["links"]["self"], "results": sweep["links"]["results"]}

    @contextmanager
    def downloads(self, path: str, version: str = "1.1") -> Iterator[list[socket.socket]]:
        """Yield a connection for each format, on which the answer has started."""
        with ExitStack() as opened:
            clients = [opened.enter_context(self.api.connect()) for _ in FORMATS]
            for client, file_format in zip(clients, FORMATS, strict=True):
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
                lines = [f"GET {path}?format={file_format} HTTP/{version}", "Host: localhost", "Connection: close"]
                client.sendall("\r\n".join([*lines, "", ""]).encode())
                client.recv(1, socket.MSG_PEEK)
            yield clients

    def close(self) -> None:
        self.leases.close()
        self.api.close()


@pytest.fixture(scope="module")
def service(redis_server: RedisServer) -> Iterator[Service]:
    service = Service(redis_server)
    yield service
    service.close()


def read_all(client: socket.socket) -> tuple[bytes, bytes]:
    """Return the head and the body of an answer, up to the end of the connection."""
    answer = b""
    while received := client.recv(1_000_000):
        answer += received
    head, _, body = answer.partition(b"\r\n\r\n")
    return head, body


def content(body: bytes) -> bytes:
    """Return the content of a chunked body. Fail if its end is missing."""
    chunks = []
    while True:
        size, _, body = body.partition(b"\r\n")
        chunks.append(body[: int(size, 16)])
        body = body[int(size, 16) + 2 :]
        if not chunks[-1]:
            return b"".join(chunks)


def test_results_are_built_in_pieces(service: Service) -> None:
    sweep = service.submit()

    async def sizes() -> list[list[int]]:
        store = Store(service.settings, Limits())
        try:
            read = await store.sweep(sweep["id"])
            builders = (json_pieces, csv_pieces)
            return [[len(piece) async for piece in pieces(store.measurements, read)] for pieces in builders]
        finally:
            await store.close()

    for file_format, pieces in zip(FORMATS, asyncio.run(sizes()), strict=True):
        answer = service.http.get(sweep["results"], params={"format": file_format})
        assert answer.headers["Transfer-Encoding"] == "chunked"
        assert len(answer.content) == sum(pieces) > WHOLE_BYTES
        assert max(pieces) < WHOLE_BYTES / 2


def test_deletion_breaks_downloads(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    sweep = service.submit()
    with service.downloads(sweep["results"]) as clients:
        assert service.http.delete(sweep["self"]).status_code == 204
        for client in clients:
            head, body = read_all(client)
            assert head.startswith(b"HTTP/1.1 200")
            assert b"transfer-encoding: chunked" in head
            assert not body.endswith(b"0\r\n\r\n"), "expected no end of the chunked answer"
    assert caplog.text.count("was deleted while it was read") == len(FORMATS)
    assert not [record for record in caplog.records if record.exc_info]


def test_error_of_the_store_breaks_downloads(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    sweep = service.submit()
    with service.downloads(sweep["results"]) as clients:
        service.redis.execute_command("ACL", "SETUSER", "default", "-lrange")  # type: ignore[no-untyped-call]
        try:
            bodies = [read_all(client)[1] for client in clients]
            assert service.http.get(sweep["results"]).status_code == 503
        finally:
            service.redis.execute_command("ACL", "SETUSER", "default", "+lrange")  # type: ignore[no-untyped-call]
    assert not [body for body in bodies if body.endswith(b"0\r\n\r\n")]
    wait_until(lambda: caplog.text.count("Cut off an answer. The store is unavailable") == len(FORMATS))
    assert not [record for record in caplog.records if record.exc_info]


@pytest.mark.parametrize("version", ["1.1", "1.0"])
def test_downloads_have_one_state_of_a_sweep_that_is_trained(service: Service, version: str) -> None:
    sweep = service.submit()
    service.http.post(f"{sweep['self']}/runs", json={"scales": [9.0]}).raise_for_status()
    claim = service.leases.claim(limit=1)
    assert claim
    (run,) = claim.runs
    service.leases.commit(claim, run, invented_metrics(0, run.scale))
    before = [service.http.get(sweep["results"], params={"format": file_format}) for file_format in FORMATS]
    with service.downloads(sweep["results"], version) as clients:
        service.leases.commit(claim, run, invented_metrics(1, run.scale))
        service.leases.fail(claim, run, DIVERGED)
        assert service.http.post(f"{sweep['self']}/retry").status_code == 202
        again = service.leases.claim(limit=1)
        assert again
        service.leases.commit(again, run, invented_metrics(2, run.scale))
        for client, expected in zip(clients, before, strict=True):
            head, body = read_all(client)
            assert f"etag: {expected.headers['ETag']}".encode() in head
            assert (content(body) if version == "1.1" else body) == expected.content
            assert (b"transfer-encoding" in head) == (version == "1.1")
    assert service.http.get(sweep["results"]).headers["ETag"] != before[0].headers["ETag"]


def test_client_that_disconnects_ends_a_download(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    sweep = service.submit()
    with service.downloads(sweep["results"]):
        pass
    with caplog.at_level(logging.WARNING):
        assert len(service.http.get(sweep["results"]).json()["rows"]) == 30 * 200
    assert caplog.records == []
