"""Pages in the browser of this machine."""

import os
import select
import sys
import time
import webbrowser
from urllib.parse import quote


def home_page(url: str) -> str:
    """Return the address of the service's page."""
    return f"{url}/ui"


def sweep_page(url: str, sweep_id: str) -> str:
    """Return the address of a sweep's page."""
    return f"{url}/ui/sweeps/{quote(sweep_id, safe='')}"


def run_page(url: str, run_id: str) -> str:
    """Return the address of a run's page."""
    return f"{url}/ui/runs/{quote(run_id, safe='')}"


def has_browser() -> bool:
    """Return whether this machine has a browser with windows."""
    if sys.platform.startswith("linux") and not any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"))):
        return False
    try:
        webbrowser.get()
    except webbrowser.Error:
        return False
    return True


def open_page(address: str) -> bool:
    """Open a page in the browser. Return False if this machine has none."""
    return has_browser() and webbrowser.open(address)


def enter_pressed(seconds: float) -> bool:
    """Wait up to some seconds for the Enter key. Return whether it was pressed in this terminal.

    Raises:
        OSError: The terminal was closed.
    """
    # In the background, reading from the terminal would stop this process.
    if os.tcgetpgrp(sys.stdin.fileno()) != os.getpgrp():
        time.sleep(seconds)
        return False
    ready, _, _ = select.select([sys.stdin], [], [], seconds)
    if not ready:
        return False
    line = sys.stdin.readline()
    if not line:
        raise OSError("the terminal was closed")
    return line.endswith("\n")
