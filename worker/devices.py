"""What this host trains on: which device, and how many processes keep it busy."""

import os
import platform
import subprocess
import sys
from dataclasses import dataclass, replace
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from shared.settings import Settings


class DeviceKind(StrEnum):
    """The kinds of device that the trainer knows."""

    CPU = "cpu"
    GPU = "gpu"
    METAL = "metal"


@dataclass(frozen=True)
class Device:
    """A device and how it is kept busy.

    Attributes:
        kind: What it is.
        processes: Training processes side by side.
        stack: Runs of one seed that a process trains side by side.
        xla: Whether XLA compiles the program.
        reason: How it was found, for people.
        idle_gpu: Whether a GPU is here that cannot be used as things are.
    """

    kind: DeviceKind
    processes: int
    stack: int
    xla: bool
    reason: str
    idle_gpu: bool = False


# Beyond this the products of one step fill a GPU, and a stack of the notebook's networks takes 1 GB.
GPU_STACK = 32

# Importing TensorFlow takes seconds, and from a cold disk a minute; a driver that hangs takes for ever.
ANSWER_SECONDS = 120.0


def find(settings: Settings) -> Device:
    """Choose the device of this host; NOISESWEEP_STACK and NOISESWEEP_XLA overrule what would suit it.

    TensorFlow is asked, in a process of its own, only where a GPU may be there: the worker's main process must not
    import it (it forks), and asking takes seconds.
    """
    if sys.platform == "darwin":
        device = _metal()
    elif any(Path("/dev").glob("nvidia[0-9]*")) or Path("/dev/dxg").exists():  # the latter under WSL
        device = _cuda()
    else:
        device = _cpu("no GPU on this host")
    stack = device.stack if settings.stack is None else settings.stack
    return replace(device, stack=stack, xla=device.xla if settings.xla is None else settings.xla)


def _cuda() -> Device:
    if _tensorflow_sees_a_gpu():
        return Device(DeviceKind.GPU, processes=1, stack=GPU_STACK, xla=True, reason="NVIDIA GPU, through CUDA")
    return _cpu("an NVIDIA GPU is here, but this TensorFlow cannot use it: install noisesweep[gpu]", idle_gpu=True)


def _metal() -> Device:
    try:
        plugin = version("tensorflow-metal")
    except PackageNotFoundError:
        return _cpu(
            "tensorflow-metal is not installed: on Apple silicon, install noisesweep[metal]",
            idle_gpu=platform.machine() == "arm64",
        )
    if _tensorflow_sees_a_gpu():
        reason = f"Apple GPU, through tensorflow-metal {plugin}"
        return Device(DeviceKind.METAL, processes=1, stack=GPU_STACK, xla=False, reason=reason)
    return _cpu(f"tensorflow-metal {plugin} is installed, but TensorFlow finds no GPU with it", idle_gpu=True)


def _cpu(reason: str, *, idle_gpu: bool = False) -> Device:
    processes = usable_cores()
    return Device(DeviceKind.CPU, processes=processes, stack=1, xla=False, reason=reason, idle_gpu=idle_gpu)


def usable_cores() -> int:
    """Cores that this process may run on, which in a container can be fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _tensorflow_sees_a_gpu() -> bool:
    question = "import sys, tensorflow; sys.exit(not tensorflow.config.list_physical_devices('GPU'))"
    ask = [sys.executable, "-c", question]
    try:
        answer = subprocess.run(ask, capture_output=True, check=False, timeout=ANSWER_SECONDS)  # noqa: S603 - fixed text
    except subprocess.TimeoutExpired:
        return False
    return answer.returncode == 0


def prepare(device: Device) -> None:
    """Import TensorFlow in this process and set it up for the device; call it before anything is computed.

    On a CPU each process uses one thread: several runs side by side, each on a core of its own, beat one run that
    spreads over all of them.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ["KERAS_BACKEND"] = "tensorflow"
    import tensorflow as tf  # noqa: PLC0415 - only training processes may import it

    if device.kind is DeviceKind.CPU:
        tf.config.set_visible_devices([], "GPU")
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
