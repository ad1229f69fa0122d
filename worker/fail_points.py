"""Named points at which the tests can kill a training process. Only tests use them.

NOISESWEEP_FAIL_POINTS names a folder. If it contains a file <point>-<index of the run>, the process that reaches this
point with this run deletes the file and kills itself. If the file contains "worker", the process first kills the
worker's main process.
"""

import os
import signal
from pathlib import Path


def fail_point(point: str, index: int) -> None:
    """Kill this process if a test has armed the point for the run with this index."""
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
