"""Detection of this host's training device and of the number of training processes."""

import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from shared.settings import Settings
from worker.limits import core_quota, machine_memory, memory_limit


class DeviceKind(StrEnum):
    """Kinds of training device."""

    CPU = "cpu"
    GPU = "gpu"
    METAL = "metal"


@dataclass(frozen=True)
class Device:
    """A training device and how to use it.

    Attributes:
        kind: Kind of device.
        processes: Number of training processes.
        stack: Maximum number of runs of one seed that a process trains side by side.
        xla: Whether XLA compiles the training program.
        reason: Why this device was chosen, as text for the user.
        idle_gpu: Whether the host has a GPU that TensorFlow cannot use as it is installed.
    """

    kind: DeviceKind
    processes: int
    stack: int
    xla: bool
    reason: str
    idle_gpu: bool = False


# Larger stacks train no faster: the matrix products of one step already fill a GPU. With the notebook's network, a
# stack of this size takes 1 GB.
GPU_STACK = 32

# `make bench` measured a peak of 1.05 GB for a training process (the notebook's network on MNIST, float32).
TRAINING_PROCESS_BYTES = 1_100_000_000
# Measured for a worker's main process: 0.09 GB. It does not train.
MAIN_PROCESS_BYTES = 100_000_000
# Reserved for the operating system, the store and the API on a small machine.
RESERVED_BYTES = 1_000_000_000

# Importing TensorFlow takes seconds, or a minute from a cold disk. A driver that hangs never returns.
COMPUTE_TIMEOUT_SECONDS = 120.0

# Layers like the trainer's, in a graph, whose matrix products are 64 and -64 everywhere. They include a ReLU because
# tensorflow-metal was observed to skip it in a graph without an error.
TEST_LAYER = """
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
    sys.exit("A matrix product has wrong values.")
if not numpy.all(numpy.asarray(negative) == 0):
    sys.exit("A ReLU has wrong values.")
print(tensorflow.__version__)
"""


def find(settings: Settings) -> Device:
    """Choose the device of this host; NOISESWEEP_STACK and NOISESWEEP_XLA override the defaults for it.

    TensorFlow runs in a separate process, because the worker's main process forks and must not import it. As this
    takes seconds, it happens only on hosts that may have a GPU.
    """
    if sys.platform == "darwin":
        device = _metal()
    elif any(Path("/dev").glob("nvidia[0-9]*")) or Path("/dev/dxg").exists():  # /dev/dxg: the GPU under WSL
        device = _cuda()
    else:
        device = _cpu("no GPU on this host")
    stack = device.stack if settings.stack is None else settings.stack
    xla = device.xla if settings.xla is None else settings.xla
    return replace(device, stack=stack, xla=xla)


def _cuda() -> Device:
    if _tensorflow_finds_gpu():
        return Device(DeviceKind.GPU, processes=1, stack=GPU_STACK, xla=True, reason="NVIDIA GPU with CUDA")
    return _cpu("this host has an NVIDIA GPU, but TensorFlow cannot use it: install noisesweep[gpu]", idle_gpu=True)


def _metal() -> Device:
    try:
        plugin = version("tensorflow-metal")
    except PackageNotFoundError:
        return _cpu(
            "tensorflow-metal is not installed: on Apple silicon, install noisesweep[metal]",
            idle_gpu=platform.machine() == "arm64",
        )
    try:
        answer = compute_test_layer("GPU:0")
    except subprocess.TimeoutExpired:
        return _cpu(
            f"tensorflow-metal {plugin} is installed, but did not finish a test layer in {COMPUTE_TIMEOUT_SECONDS:g} s",
            idle_gpu=True,
        )
    if answer.returncode == 0:
        reason = f"Apple GPU with tensorflow-metal {plugin}"
        return Device(DeviceKind.METAL, processes=1, stack=GPU_STACK, xla=False, reason=reason)
    return _cpu(f"tensorflow-metal {plugin} is installed, but fails: {last_error_line(answer.stderr)}", idle_gpu=True)


def _cpu(reason: str, *, idle_gpu: bool = False) -> Device:
    cores = usable_cores()
    processes, bound = max_processes(cores, core_quota(), memory_limit(), machine_memory())
    if bound:
        reason = f"{reason}; uses {processes} of {cores} cores because {bound}"
    return Device(DeviceKind.CPU, processes=processes, stack=1, xla=False, reason=reason, idle_gpu=idle_gpu)


def max_processes(cores: int, quota: float | None, container_bytes: int | None, machine_bytes: int) -> tuple[int, str]:
    """Return the largest number of training processes that the host can run, at least 1. Each uses one core.

    Args:
        cores: Number of cores that this process may run on.
        quota: CPU limit in cores; None without a limit. A fraction of a core is left to the main process.
        container_bytes: Memory limit of the container in bytes; None without a limit.
        machine_bytes: Total memory of the machine in bytes.

    Returns:
        The number of processes, and the reason if it is below `cores`, otherwise "".
    """
    bounds = [(cores, "")]
    if quota is not None:
        bounds.append((int(quota), f"the CPU limit is {quota:g} cores"))
    if container_bytes is not None:
        bounds.append((_processes_in(container_bytes), f"the memory limit is {container_bytes / 1e9:.1f} GB"))
    memory_bound = f"the machine has {machine_bytes / 1e9:.1f} GB of memory"
    bounds.append((_processes_in(machine_bytes - RESERVED_BYTES), memory_bound))
    processes, bound = min(bounds, key=lambda bound: bound[0])
    return max(1, processes), bound


def _processes_in(memory: int) -> int:
    return (memory - MAIN_PROCESS_BYTES) // TRAINING_PROCESS_BYTES


def usable_cores() -> int:
    """Return the number of cores that this process may run on. A container may have fewer cores than the machine."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def compute_test_layer(
    device: str, timeout_seconds: float = COMPUTE_TIMEOUT_SECONDS
) -> subprocess.CompletedProcess[str]:
    """Compute a small layer with TensorFlow on a device, for example "GPU:0", in a separate process.

    The process exits with 0 and prints TensorFlow's version if the values are correct.

    Raises:
        subprocess.TimeoutExpired: The process did not finish within the timeout.
    """
    return subprocess.run(  # noqa: S603 - fixed text
        [sys.executable, "-P", "-c", TEST_LAYER, device],
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        timeout=timeout_seconds,
        # TensorFlow would otherwise claim all GPU memory, which fails while a worker is training.
        env={"TF_CPP_MIN_LOG_LEVEL": "2", "TF_FORCE_GPU_ALLOW_GROWTH": "true"} | os.environ,
    )


def last_error_line(stderr: str) -> str:
    """Return the last line that is not indented: in a traceback it names the error."""
    return next((line for line in reversed(stderr.splitlines()) if line[:1].strip()), "no error output")


def _tensorflow_finds_gpu() -> bool:
    code = "import sys, tensorflow; sys.exit(not tensorflow.config.list_physical_devices('GPU'))"
    command = [sys.executable, "-c", code]
    try:
        result = subprocess.run(command, capture_output=True, check=False, timeout=COMPUTE_TIMEOUT_SECONDS)  # noqa: S603
    except subprocess.TimeoutExpired:
        return False
    return result.returncode == 0


@contextmanager
def _without_keras() -> Iterator[None]:
    """Let imports of Keras fail, unless it is already imported.

    TensorFlow imports Keras if it can, and Keras imports scikit-learn and pandas. This takes 2 s of the start of a
    training process, and training needs none of them. Keras is imported later if a model is stored.
    """
    absent = "keras" not in sys.modules
    if absent:
        sys.modules["keras"] = None  # type: ignore[assignment] # documented: the import raises ModuleNotFoundError
    try:
        yield
    finally:
        if absent:
            del sys.modules["keras"]


def prepare(device: Device) -> None:
    """Import TensorFlow in this process and configure it for the device. Call it before any computation.

    On a CPU each process uses one thread, because several single-threaded runs are faster than one run on all cores.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ["KERAS_BACKEND"] = "tensorflow"
    with _without_keras():
        import tensorflow as tf  # noqa: PLC0415 - only training processes may import it

    if device.kind is DeviceKind.CPU:
        tf.config.set_visible_devices([], "GPU")
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
