"""Entry point of `python -m api`: serves the API at NOISESWEEP_HOST and NOISESWEEP_PORT."""

import gc
import sys

from api.limits import Limits
from api.open_files import fit_open_files
from api.server import Server
from shared import logs
from shared.settings import settings_or_exit
from shared.store.startup import exit_if_unsupported


def main() -> None:
    """Serve the API; exit with an error if other machines could use it without a key, or if the store is too old."""
    settings = settings_or_exit("noisesweep api")
    if not (settings.serves_loopback_only or settings.api_keys or settings.allow_anonymous):
        sys.exit(
            f"noisesweep api: refusing to bind {settings.host} without API keys: other machines could submit sweeps. "
            "Set NOISESWEEP_API_KEYS (`noisesweep key NAME` makes a key), set NOISESWEEP_HOST=127.0.0.1, or set "
            "NOISESWEEP_ALLOW_ANONYMOUS=true if the network already restricts access."
        )
    exit_if_unsupported(settings, "noisesweep api")
    logs.configure(settings)
    server = Server(settings, fit_open_files(Limits()))
    # The objects created so far live as long as the process. If the garbage collector scanned them again and again,
    # throughput would fall by a fifth, and each scan would pause all requests.
    gc.collect()
    gc.freeze()
    server.run()


if __name__ == "__main__":
    main()
