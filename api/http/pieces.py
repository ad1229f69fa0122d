"""Large answers in pieces: each piece is sent while the next ones are built."""

import asyncio
from collections.abc import AsyncIterator, Mapping

from fastapi import Request, Response
from fastapi.responses import StreamingResponse

# Smaller answers are sent whole, with their length.
WHOLE_BYTES = 256 * 1024


class Pieces:
    """Answers that consist of pieces.

    An error in the first WHOLE_BYTES has its own status. After that, the answer has started: an error closes the
    connection, so the client notices that the answer is incomplete.

    HTTP/1.0 has no such answers, so they are sent whole. Only one of these is built at a time, because nothing limits
    what they take before they are sent.
    """

    def __init__(self) -> None:
        self._building_whole = asyncio.Lock()

    async def answer(
        self,
        request: Request,
        pieces: AsyncIterator[bytes],
        media_type: str,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Return the answer to a request that consists of these pieces."""
        if request.scope["http_version"] == "1.0":
            async with self._building_whole:
                body = b"".join([piece async for piece in pieces])
            return Response(body, media_type=media_type, headers=headers)
        start = bytearray()
        async for piece in pieces:
            start += piece
            if len(start) > WHOLE_BYTES:
                return StreamingResponse(_joined(bytes(start), pieces), media_type=media_type, headers=headers)
        return Response(bytes(start), media_type=media_type, headers=headers)


async def _joined(start: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield start
    del start
    async for piece in rest:
        yield piece
