"""What a person holds: the Python client, the command line and the one-machine launcher."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from client.asynchronous import AsyncNoiseSweep, AsyncSweepHandle
    from client.errors import NoiseSweepError, RefusedError, ServiceUnreachableError, WrongUsageError
    from client.service import NoiseSweep, SweepHandle

__all__ = [
    "AsyncNoiseSweep",
    "AsyncSweepHandle",
    "NoiseSweep",
    "NoiseSweepError",
    "RefusedError",
    "ServiceUnreachableError",
    "SweepHandle",
    "WrongUsageError",
]

_MODULES = {
    "AsyncNoiseSweep": "client.asynchronous",
    "AsyncSweepHandle": "client.asynchronous",
    "NoiseSweep": "client.service",
    "SweepHandle": "client.service",
}


def __getattr__(name: str) -> object:
    """Import what is asked for, and not before: the launcher's keeper is of this package, and is to start at once."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 - likewise

    return getattr(import_module(_MODULES.get(name, "client.errors")), name)
