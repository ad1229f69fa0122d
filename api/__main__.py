"""`python -m api`: serve the API at NOISESWEEP_HOST and NOISESWEEP_PORT."""

import gc
import sys

from api.server import Server
from shared import logs
from shared.settings import settings_or_exit


def main() -> None:
    """Serve, unless that would open an API without keys to other machines."""
    settings = settings_or_exit("noisesweep api")
    if not (settings.serves_loopback_only or settings.api_keys or settings.allow_anonymous):
        sys.exit(
            f"noisesweep api: refusing to bind {settings.host}: other machines could reach it, and whoever reaches it "
            "may train. Set NOISESWEEP_API_KEYS (`noisesweep key NAME` makes one), bind 127.0.0.1, or set "
            "NOISESWEEP_ALLOW_ANONYMOUS=true where something else keeps others out."
        )
    logs.configure(settings)
    server = Server(settings)
    # What the program consists of lives as long as its process: to look through it for garbage, again and again, costs
    # a fifth of all requests and stops the others meanwhile.
    gc.collect()
    gc.freeze()
    server.run()


if __name__ == "__main__":
    main()
