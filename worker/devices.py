"""The training device of this host, and the number of processes that keep it busy."""

import os
import platform
import subprocess
import sys
from dataclasses import dataclass, replace
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from shared.settings import Settings
from worker.limits import core_quota, machine_memory, memory_limit


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

# The largest peak of a training process in `make bench` (the notebook's network on MNIST, float32) was 1.05 GB.
TRAINING_PROCESS_BYTES = 1_100_000_000
# A worker's main process, which trains nothing, was seen at 0.09 GB.
MAIN_PROCESS_BYTES = 100_000_000
# What the system, the store and the API of a small machine are left.
OTHERS_BYTES = 1_000_000_000

# Importing TensorFlow takes seconds, and from a cold disk a minute; a driver that hangs takes for ever.
ANSWER_SECONDS = 120.0

# Layers as the trainer has them, in a graph as there, whose products are 64 and -64 everywhere. tensorflow-metal has
# been seen to leave out the ReLU of a graph, and said nothing.
COMPUTE = """
import sys, numpy, tensorflow
device = sys.argv[1]
if not tensorflow.config.list_physical_devices(device.partition(":")[0]):
    sys.exit(f"TensorFlow finds no {device}.")
@tensorflow.function
def layer(inputs, kernel, bias):
    return tensorflow.nn.relu(inputs @ kernel + bias[:, None])
with tensorflow.device(device):
    ones, bias = tensorflow.ones((2, 64, 64)), tensorflow.ones((2, 64))
    positive, negative = layer(ones, ones, bias), layer(ones, -ones, bias)
if not numpy.all(numpy.asarray(positive) == 65):
    sys.exit("A product of matrices came out wrong.")
if not numpy.all(numpy.asarray(negative) == 0):
    sys.exit("A ReLU came out wrong.")
print(tensorflow.__version__)
"""


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
    try:
        answer = compute("GPU:0")
    except subprocess.TimeoutExpired:
        return _cpu(
            f"tensorflow-metal {plugin} is installed, but has not computed in {ANSWER_SECONDS:g} s", idle_gpu=True
        )
    if answer.returncode == 0:
        reason = f"Apple GPU, through tensorflow-metal {plugin}"
        return Device(DeviceKind.METAL, processes=1, stack=GPU_STACK, xla=False, reason=reason)
    return _cpu(f"tensorflow-metal {plugin} is installed, but does not work: {fault_in(answer.stderr)}", idle_gpu=True)


def _cpu(reason: str, *, idle_gpu: bool = False) -> Device:
    cores = usable_cores()
    processes, bound = fitting_processes(cores, core_quota(), memory_limit(), machine_memory())
    if bound:
        reason = f"{reason}; {processes} of {cores} cores, as {bound}"
    return Device(DeviceKind.CPU, processes=processes, stack=1, xla=False, reason=reason, idle_gpu=idle_gpu)


def fitting_processes(
    cores: int, quota: float | None, container_bytes: int | None, machine_bytes: int
) -> tuple[int, str]:
    """Return how many training processes fit, at least one. Each keeps a core busy.

    Args:
        cores: Those that this process may run on.
        quota: CPU time that it may use, in cores; None without a limit. The main process gets the fraction.
        container_bytes: Memory that the container may use; None without a limit.
        machine_bytes: Memory that the machine has, for its system as well.

    Returns:
        The number, and what bounds it if that is not the cores, for people; else "".
    """
    bounds = [(cores, "")]
    if quota is not None:
        bounds.append((int(quota), f"CPU time is limited to that of {quota:g}"))
    if container_bytes is not None:
        bounds.append((_fitting_into(container_bytes), f"memory is limited to {container_bytes / 1e9:.1f} GB"))
    memory_bound = f"this machine has {machine_bytes / 1e9:.1f} GB of memory"
    bounds.append((_fitting_into(machine_bytes - OTHERS_BYTES), memory_bound))
    processes, bound = min(bounds, key=lambda bound: bound[0])
    return max(1, processes), bound


def _fitting_into(memory: int) -> int:
    return (memory - MAIN_PROCESS_BYTES) // TRAINING_PROCESS_BYTES


def usable_cores() -> int:
    """Return the number of cores that this process may run on. In a container it can be below the machine's."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def compute(place: str, seconds: float = ANSWER_SECONDS) -> subprocess.CompletedProcess[str]:
    """Let TensorFlow compute on a device, such as "GPU:0", in a process of its own.

    It exits with 0 and prints TensorFlow's version if the result is right.

    Raises:
        subprocess.TimeoutExpired: It has not done so within the seconds.
    """
    return subprocess.run(  # noqa: S603 - fixed text
        [sys.executable, "-P", "-c", COMPUTE, place],
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        timeout=seconds,
        # Beside a worker that trains, there is no whole GPU to be had.
        env={"TF_CPP_MIN_LOG_LEVEL": "2", "TF_FORCE_GPU_ALLOW_GROWTH": "true"} | os.environ,
    )


def fault_in(said: str) -> str:
    """Of what a process wrote to its standard error, the last line that is not indented: it names the error."""
    return next((line for line in reversed(said.splitlines()) if line[:1].strip()), "it said nothing")


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
