"""The checks of this host: settings, Python, TensorFlow and its device, memory, data sets.

None of them imports TensorFlow or needs it to be installed.
"""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import psutil
from pydantic import ValidationError

from shared.datasets import load
from shared.errors import DatasetNotFoundError, DatasetUnavailableError
from shared.models import DatasetName
from shared.settings import Settings
from worker.devices import ANSWER_SECONDS, Device, DeviceKind
from worker.doctor.findings import Finding, Verdict

# requires-python in pyproject.toml: first and last.
PYTHONS = ((3, 11), (3, 13))

# The largest peak of a training process in `make bench` (the notebook's network on MNIST, float32) was 1.05 GB.
TRAINING_PROCESS_BYTES = 1_100_000_000

# Of version 2, described in the kernel's Documentation/admin-guide/cgroup-v2.rst: bytes, or "max" for no limit.
CGROUP = Path("/sys/fs/cgroup")

INSTALL_WORKER = "`pip install 'noisesweep[worker]'`. A host that runs the API alone does without."

TRY_TENSORFLOW = f"`{sys.executable} -c 'import tensorflow'`"

# The product of two matrices of ones, 64 x 64, has 64 everywhere.
COMPUTE = """
import sys, tensorflow
with tensorflow.device(sys.argv[1]):
    ones = tensorflow.ones((64, 64))
    right = bool(tensorflow.reduce_all(ones @ ones == 64))
print(tensorflow.__version__)
sys.exit(None if right else "A product of matrices came out wrong.")
"""


def read_settings() -> tuple[Settings, list[Finding]]:
    """The settings, and a problem for each variable that does not validate, which then counts as not given."""
    try:
        return Settings(), []
    except ValidationError as error:
        # The input is left out: it may be the password of the store.
        faults = {
            str(fault["loc"][0]): fault["msg"].removeprefix("Value error, ")
            for fault in error.errors(include_input=False)
        }
    defaults = {name: Settings.model_fields[name].default for name in faults}
    return Settings(**defaults), [
        Finding("settings", Verdict.PROBLEM, f"{variable(name)}: {message}", f"Correct or unset {variable(name)}.")
        for name, message in faults.items()
    ]


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return f"{Settings.model_config['env_prefix']}{name}".upper()


def check_python(version: tuple[int, int, int]) -> Finding:
    """Whether this version of Python is one that the project is made for."""
    first, last = (".".join(map(str, one)) for one in PYTHONS)
    found = f"{'.'.join(map(str, version))} ({sys.executable})"
    if PYTHONS[0] <= version[:2] <= PYTHONS[1]:
        return Finding("Python", Verdict.OK, found)
    remedy = f"Install noisesweep with Python {first} to {last}: TensorFlow has no wheels for others."
    return Finding("Python", Verdict.PROBLEM, found, remedy)


def check_tensorflow(device: Device, seconds: float = ANSWER_SECONDS) -> Finding:
    """Whether TensorFlow computes on the device, asked in a process of its own that has so many seconds."""
    place = "CPU:0" if device.kind is DeviceKind.CPU else "GPU:0"
    try:
        answer = subprocess.run(  # noqa: S603 - fixed text
            [sys.executable, "-P", "-c", COMPUTE, place],
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=seconds,
            # Beside a worker that trains, there is no whole GPU to be had.
            env={"TF_CPP_MIN_LOG_LEVEL": "2", "TF_FORCE_GPU_ALLOW_GROWTH": "true"} | os.environ,
        )
    except subprocess.TimeoutExpired:
        found = f"it has not multiplied two matrices on {place} within {seconds:g} s"
        remedy = f"Try it: {TRY_TENSORFLOW}. A driver may hang, or a slow disk take long: then ask again."
        return Finding("TensorFlow", Verdict.PROBLEM, found, remedy)
    if answer.returncode != 0:
        return _tensorflow_failure(answer.returncode, answer.stderr)
    found = f"{answer.stdout.split()[-1]} computes on the {device.kind.upper()}: {device.reason}"
    if device.idle_gpu:
        remedy = "`pip install 'noisesweep[gpu]'` for NVIDIA on Linux, `'noisesweep[metal]'` for Apple silicon."
        return Finding("TensorFlow", Verdict.WARNING, found, f"{remedy} Until then the CPU trains, which takes longer.")
    return Finding("TensorFlow", Verdict.OK, found)


def _tensorflow_failure(code: int, said: str) -> Finding:
    last_line = (said.strip().splitlines() or ["it said nothing"])[-1]
    if "libmetal_plugin" in said:
        found = f"tensorflow-metal does not go with this TensorFlow: {last_line}"
        remedy = (
            "`pip uninstall tensorflow-metal`, and the CPU trains; or install a TensorFlow that this tensorflow-metal "
            "was made for."
        )
    elif re.search(r"No module named 'tensorflow'$", last_line):
        found, remedy = "not installed, so this host cannot train", INSTALL_WORKER
    elif code < 0:
        found = f"it was ended by {signal.Signals(-code).name}: {last_line}"
        remedy = "Its wheels need a processor with AVX; or reinstall it: `pip install --force-reinstall tensorflow`."
    else:
        found = f"it does not work: {last_line}"
        remedy = f"See all of it: {TRY_TENSORFLOW}. Reinstall it: `pip install --force-reinstall tensorflow`."
    return Finding("TensorFlow", Verdict.PROBLEM, found, remedy)


def free_memory(cgroup: Path = CGROUP) -> int:
    """Bytes that new processes can have: what the machine has free, or the container, if that is less.

    Args:
        cgroup: Where a container sees its own limit.
    """
    free: int = psutil.virtual_memory().available
    try:
        limit, used = ((cgroup / name).read_text().strip() for name in ("memory.max", "memory.current"))
        cached = re.search(r"^inactive_file (\d+)$", (cgroup / "memory.stat").read_text(), re.MULTILINE)
    except OSError:
        return free  # no container, or one of the first version of cgroups
    if limit == "max":
        return free
    return min(free, int(limit) - int(used) + int(cached[1] if cached else 0))


def check_memory(processes: int, free_bytes: int) -> Finding:
    """Whether so many training processes fit into the free memory."""
    fit = free_bytes // TRAINING_PROCESS_BYTES
    found = (
        f"{free_bytes / 1e9:.1f} GB free; {processes} training processes "
        f"take up to {processes * TRAINING_PROCESS_BYTES / 1e9:.1f} GB"
    )
    if fit >= processes:
        return Finding("memory", Verdict.OK, found)
    if fit > 0:
        return Finding(
            "memory",
            Verdict.WARNING,
            found,
            f"Start fewer: `noisesweep up --workers {fit}`, or `noisesweep worker --concurrency {fit}`.",
        )
    return Finding("memory", Verdict.PROBLEM, found, "Not even one fits: end other programs, or add memory.")


def check_dataset(name: DatasetName, settings: Settings) -> Finding:
    """Whether the data set can be had on this host, and from where. Nothing is downloaded."""
    try:
        dataset = load(name, settings.data_dir, download=False)
    except DatasetNotFoundError as error:
        return Finding(
            name,
            Verdict.WARNING,
            f"not on this host, so the first run would have to download it; looked at {'; '.join(error.looked_at)}",
            f"Download it now: `{sys.executable} -m shared.datasets {name}`. Or {error.remedy}.",
        )
    except DatasetUnavailableError as error:
        found, _, remedy = str(error).rpartition(". ")  # its last sentence says what to do
        return Finding(name, Verdict.PROBLEM, found, remedy)
    except OSError as error:
        return Finding(name, Verdict.PROBLEM, str(error), "Let this user read it, or set NOISESWEEP_DATA_DIR anew.")
    except ModuleNotFoundError as error:
        return Finding(name, Verdict.PROBLEM, f"{error.name} is not installed", INSTALL_WORKER)
    return Finding(name, Verdict.OK, f"{len(dataset.training_images):,} training images from {dataset.source}")
