"""Named places at which the tests can kill a training process: nowhere else is this used.

NOISESWEEP_FAIL_POINTS names a folder. A process that reaches a point with a run removes the file <point>-<index of the
run> from it, if there is one, and kills itself; if the file says "worker", the main process of the worker goes first.
"""

import os
import signal
from pathlib import Path


def fail_point(point: str, index: int) -> None:
    """Kill this process if a test has armed the point for that run."""
    folder = os.environ.get("NOISESWEEP_FAIL_POINTS")
    if not folder:
        return
    armed = Path(folder, f"{point}-{index}")
    try:
        with_worker = armed.read_text() == "worker"
        armed.unlink()
    except FileNotFoundError:
        return
    if with_worker:
        os.kill(os.getppid(), signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)
