"""Public package: wire models, Python client, command line and one-machine launcher."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from noisesweep.client._async.handle import AsyncSweepHandle
    from noisesweep.client._async.service import AsyncNoiseSweep
    from noisesweep.client._sync.handle import SweepHandle
    from noisesweep.client._sync.service import NoiseSweep
    from noisesweep.client.errors import NoiseSweepError, RefusedError, ServiceUnreachableError, WrongUsageError

__version__ = "0.2.0"

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
    "AsyncNoiseSweep": "_async.service",
    "AsyncSweepHandle": "_async.handle",
    "NoiseSweep": "_sync.service",
    "SweepHandle": "_sync.handle",
}


def __getattr__(name: str) -> object:
    """Import a public name on first use, because the services import this package without an HTTP client."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 - needed only here

    return getattr(import_module(f"noisesweep.client.{_MODULES.get(name, 'errors')}"), name)
