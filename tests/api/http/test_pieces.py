"""Answers in pieces: whole if they are small, or if the client speaks HTTP/1.0."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from api.http.pieces import WHOLE_BYTES, Pieces


def request(version: str) -> Request:
    return Request({"type": "http", "http_version": version, "headers": []})


async def content(response: Response) -> bytes:
    if isinstance(response, StreamingResponse):
        return b"".join([bytes(piece) async for piece in response.body_iterator])  # type: ignore[arg-type]
    return bytes(response.body)


@pytest.mark.parametrize(
    ("version", "size", "streamed"),
    [("1.1", 0, False), ("1.1", WHOLE_BYTES, False), ("1.1", WHOLE_BYTES + 1, True), ("1.0", 3 * WHOLE_BYTES, False)],
)
def test_only_large_answers_in_http_1_1_are_sent_in_pieces(version: str, size: int, streamed: bool) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, size, 1000):
            yield b"x" * min(1000, size - start)

    async def answer() -> tuple[Response, bytes]:
        response = await Pieces().answer(request(version), pieces(), "text/plain", {"ETag": '"1"'})
        return response, await content(response)

    response, body = asyncio.run(answer())
    assert body == b"x" * size
    assert isinstance(response, StreamingResponse) == streamed
    assert ("content-length" in response.headers) != streamed
    assert (response.media_type, response.headers["ETag"]) == ("text/plain", '"1"')


def test_one_whole_large_answer_is_built_at_a_time() -> None:
    building = 0

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal building
        building += 1
        for _ in range(3):
            assert building == 1
            await asyncio.sleep(0)
            yield b"x"
        building -= 1

    async def answer_all() -> list[Response]:
        answers = Pieces()
        return await asyncio.gather(*(answers.answer(request("1.0"), pieces(), "text/plain") for _ in range(5)))

    assert [response.body for response in asyncio.run(answer_all())] == [b"xxx"] * 5
