"""uvicorn server that ends event streams at shutdown."""

import socket
from functools import partial

import uvicorn

from api.app import create_app
from api.http.protocol import BoundedHttpProtocol
from api.limits import Limits
from api.state import AppState
from shared.settings import Settings

# The time that open requests have to finish at shutdown.
GRACE_SECONDS = 8


class Server(uvicorn.Server):
    """uvicorn server of the API. `run` returns after a stop signal, when open requests have ended."""

    def __init__(self, settings: Settings, limits: Limits | None = None) -> None:
        limits = limits or Limits()
        protocol = partial(
            BoundedHttpProtocol,
            max_connections=limits.connections,
            head_bytes=limits.head_bytes,
            head_seconds=limits.head_seconds,
            write_seconds=limits.write_seconds,
            root_path=settings.root_path,
        )
        super().__init__(
            uvicorn.Config(
                create_app(settings, limits),
                host=settings.host,
                port=settings.port,
                ssl_certfile=settings.tls_cert,
                ssl_keyfile=settings.tls_key,
                http=protocol,  # type: ignore[arg-type] # uvicorn accepts any factory
                ws="none",
                server_header=False,
                proxy_headers=False,  # api/http/proxies.py reads them
                access_log=False,  # api/http/telemetry.py logs requests
                log_config=None,
                timeout_graceful_shutdown=GRACE_SECONDS,
            )
        )

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Shut down. End event streams first: uvicorn waits for open requests, and streams would not end."""
        state: AppState | None = self.lifespan.state.get("app_state")
        if state:
            state.events.stop()
        await super().shutdown(sockets)
