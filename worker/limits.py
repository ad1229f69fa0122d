"""CPU and memory limits of a container.

The limits are read from cgroups version 2, see the Linux kernel's Documentation/admin-guide/cgroup-v2.rst. Version 1 is
not supported.
"""

import re
from pathlib import Path

import psutil

# Mount point of a container's own cgroup.
CGROUP = Path("/sys/fs/cgroup")


def core_quota(cgroup: Path = CGROUP) -> float | None:
    """Return the CPU limit of the container in cores; None without a limit."""
    limit = _limit(cgroup / "cpu.max")  # "<CPU time per period> <period>", both in µs
    if limit is None:
        return None
    microseconds, period = map(int, limit.split())
    return microseconds / period


def memory_limit(cgroup: Path = CGROUP) -> int | None:
    """Return the memory limit of the container in bytes; None without a limit below the machine's memory."""
    limit = _limit(cgroup / "memory.max")
    return int(limit) if limit and int(limit) < machine_memory() else None


def machine_memory() -> int:
    """Return the machine's memory in bytes."""
    total: int = psutil.virtual_memory().total
    return total


def free_memory(cgroup: Path = CGROUP) -> int:
    """Return the free memory in bytes: that of the machine or of the container, whichever is smaller."""
    free: int = psutil.virtual_memory().available
    limit = memory_limit(cgroup)
    if limit is None:
        return free
    used = int((cgroup / "memory.current").read_text())
    cached = re.search(r"^inactive_file (\d+)$", (cgroup / "memory.stat").read_text(), re.MULTILINE)
    return min(free, limit - used + int(cached[1] if cached else 0))


def _limit(file: Path) -> str | None:
    try:
        limit = file.read_text().strip()
    except OSError:
        return None  # not in a container, or cgroups version 1
    return None if limit.startswith("max") else limit
