"""The server of the API: uvicorn, which lets event streams end when it is told to stop."""

import socket

import uvicorn
from fastapi import FastAPI

from api.app import create_app
from api.http.protocol import BoundedHttpProtocol
from shared.settings import Settings

# How long requests may take to end then.
GRACE_SECONDS = 8


class Server(uvicorn.Server):
    """Serves the API of these settings; `run` returns when it has been told to stop and requests have ended."""

    def __init__(self, settings: Settings) -> None:
        self._app: FastAPI = create_app(settings)
        super().__init__(
            uvicorn.Config(
                self._app,
                host=settings.host,
                port=settings.port,
                http=BoundedHttpProtocol,
                ws="none",
                server_header=False,
                proxy_headers=False,  # nothing depends on the client's address
                access_log=False,  # api/http/telemetry.py logs requests
                log_config=None,
                timeout_graceful_shutdown=GRACE_SECONDS,
            )
        )

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop, event streams first: the server waits for requests to end, and theirs would not."""
        self._app.state.tail.stop()
        await super().shutdown(sockets)
