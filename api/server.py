"""The server of the API: uvicorn, which ends event streams when it is told to stop."""

import socket
from functools import partial

import uvicorn

from api.app import create_app
from api.http.protocol import BoundedHttpProtocol
from api.limits import Limits
from api.state import AppState
from shared.settings import Settings

# The time for requests to end at a stop.
GRACE_SECONDS = 8


class Server(uvicorn.Server):
    """Serves the API; `run` returns when it was told to stop and requests have ended."""

    def __init__(self, settings: Settings, limits: Limits | None = None) -> None:
        limits = limits or Limits()
        protocol = partial(BoundedHttpProtocol, head_bytes=limits.head_bytes, head_seconds=limits.head_seconds)
        super().__init__(
            uvicorn.Config(
                create_app(settings, limits),
                host=settings.host,
                port=settings.port,
                http=protocol,  # type: ignore[arg-type] # a class, or what makes an instance
                ws="none",
                server_header=False,
                proxy_headers=False,  # nothing depends on the client's address
                access_log=False,  # api/http/telemetry.py logs requests
                log_config=None,
                timeout_graceful_shutdown=GRACE_SECONDS,
            )
        )

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop, event streams first: the server waits for requests to end, and streams would not."""
        state: AppState | None = self.lifespan.state.get("app_state")
        if state:
            state.events.stop()
        await super().shutdown(sockets)
