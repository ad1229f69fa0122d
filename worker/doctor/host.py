"""Checks of this host: settings, Python, TensorFlow and its device, memory, data sets.

This process does not import TensorFlow, so the checks also run where it is not installed.
"""

import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from importlib import metadata

from pydantic import ValidationError

from shared.datasets import DatasetName, load
from shared.errors import DatasetNotFoundError, DatasetUnavailableError
from shared.settings import Settings, setting_errors, variable
from worker.devices import (
    COMPUTE_TIMEOUT_SECONDS,
    TRAINING_PROCESS_BYTES,
    Device,
    DeviceKind,
    compute_test_layer,
    last_error_line,
)
from worker.doctor.findings import Finding, Verdict

# First and last supported version; the same as requires-python in pyproject.toml.
SUPPORTED_PYTHON = ((3, 11), (3, 13))

# Compatible releases for Apple GPUs. A test checks that the extra `metal` in pyproject.toml has the same versions.
METAL_PAIR = {"tensorflow": "2.18", "tensorflow-metal": "1.2"}

INSTALL_WORKER = "`pip install 'noisesweep[worker]'`. A host that only runs the API does not need it."

IMPORT_TENSORFLOW = f"`{sys.executable} -c 'import tensorflow'`"

INSTALL_METAL_PAIR = "`pip install {}`, which has wheels for Python 3.11 and 3.12".format(
    " ".join(f"'{name}=={release}.*'" for name, release in METAL_PAIR.items())
)
UNINSTALL_METAL = "To train on the CPU: `pip uninstall tensorflow-metal`."


def read_settings() -> tuple[Settings, list[Finding]]:
    """Return the settings, with defaults for invalid variables, and a problem for each invalid variable."""
    try:
        return Settings(), []
    except ValidationError as error:
        faults = setting_errors(error)
    defaults = {name: Settings.model_fields[name].default for name in faults}
    return Settings(**defaults), [
        Finding("settings", Verdict.PROBLEM, f"{variable(name)}: {message}", f"Correct or unset {variable(name)}.")
        for name, message in faults.items()
    ]


def check_python(version: tuple[int, int, int]) -> Finding:
    """Check that this version of Python is supported."""
    first, last = (".".join(map(str, one)) for one in SUPPORTED_PYTHON)
    found = f"{'.'.join(map(str, version))} ({sys.executable})"
    if SUPPORTED_PYTHON[0] <= version[:2] <= SUPPORTED_PYTHON[1]:
        return Finding("Python", Verdict.OK, found)
    remedy = f"Install noisesweep with Python {first} to {last}: TensorFlow has no wheels for other versions."
    return Finding("Python", Verdict.PROBLEM, found, remedy)


def check_tensorflow(device: Device, timeout_seconds: float = COMPUTE_TIMEOUT_SECONDS) -> Finding:
    """Check in a separate process that TensorFlow computes on the device."""
    name = "CPU:0" if device.kind is DeviceKind.CPU else "GPU:0"
    try:
        result = compute_test_layer(name, timeout_seconds)
    except subprocess.TimeoutExpired:
        found = f"it did not compute a test layer on {name} within {timeout_seconds:g} s"
        remedy = f"Run {IMPORT_TENSORFLOW}. If it hangs, check the GPU driver. If it is slow, repeat this check."
        return Finding("TensorFlow", Verdict.PROBLEM, found, remedy)
    installed = installed_metal_versions()
    mismatch = metal_mismatch(installed)
    if result.returncode != 0:
        return _tensorflow_failure(result.returncode, result.stderr, mismatch)
    found = f"{result.stdout.split()[-1]} computes on the {device.kind.upper()}: {device.reason}"
    if mismatch:
        return Finding("TensorFlow", Verdict.WARNING, f"{found}. {mismatch}", f"{INSTALL_METAL_PAIR}.")
    if device.idle_gpu and "tensorflow-metal" in installed:
        return Finding("TensorFlow", Verdict.WARNING, found, UNINSTALL_METAL)
    if device.idle_gpu:
        remedy = "Install noisesweep[gpu] for NVIDIA on Linux or noisesweep[metal] for Apple silicon."
        return Finding("TensorFlow", Verdict.WARNING, found, f"{remedy} Until then, the slower CPU is used.")
    return Finding("TensorFlow", Verdict.OK, found)


def installed_metal_versions() -> dict[str, str]:
    """Return the installed versions of the distributions in METAL_PAIR, by name."""
    versions = {}
    for name in METAL_PAIR:
        with suppress(metadata.PackageNotFoundError):
            versions[name] = metadata.version(name)
    return versions


def metal_mismatch(versions: Mapping[str, str]) -> str:
    """Return installed and expected versions as text if both are installed and do not match, otherwise ""."""
    if versions.keys() != METAL_PAIR.keys():
        return ""
    if all(f"{versions[name]}.".startswith(f"{release}.") for name, release in METAL_PAIR.items()):
        return ""
    installed, expected = (" with ".join(f"{name} {of[name]}" for name in METAL_PAIR) for of in (versions, METAL_PAIR))
    return f"Installed: {installed}; compatible: {expected}"


def _tensorflow_failure(code: int, stderr: str, mismatch: str) -> Finding:
    error = last_error_line(stderr)
    if "libmetal_plugin" in stderr or mismatch:
        found = f"tensorflow-metal does not match TensorFlow: {error}" + (f". {mismatch}" if mismatch else "")
        remedy = f"{INSTALL_METAL_PAIR}. {UNINSTALL_METAL}"
    elif re.search(r"No module named 'tensorflow'$", error):
        found, remedy = "not installed, so this host cannot train", INSTALL_WORKER
    elif code < 0:
        found = f"it was killed by {signal.Signals(-code).name}: {error}"
        remedy = "Use a processor with AVX, or reinstall TensorFlow: `pip install --force-reinstall tensorflow`."
    else:
        found = f"it failed to compute a test layer: {error}"
        remedy = f"See the full error: {IMPORT_TENSORFLOW}. Then reinstall: `pip install --force-reinstall tensorflow`."
    return Finding("TensorFlow", Verdict.PROBLEM, found, remedy)


def check_memory(processes: int, free_bytes: int) -> Finding:
    """Check that `free_bytes` bytes of memory are enough for this number of training processes."""
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
            f"Start fewer processes: `noisesweep up --workers {fit}`, or `noisesweep worker --concurrency {fit}`.",
        )
    return Finding(
        "memory",
        Verdict.PROBLEM,
        found,
        "Not enough for one training process: close other programs, or add memory.",
    )


def check_dataset(name: DatasetName, settings: Settings) -> Finding:
    """Check that this host has the data set, without downloading anything."""
    try:
        dataset = load(name, settings.data_dir, download=False)
    except DatasetNotFoundError as error:
        return Finding(
            name,
            Verdict.WARNING,
            f"not on this host, so the first run will download it; searched {'; '.join(error.searched)}",
            f"Download it now: `{sys.executable} -m shared.datasets {name}`. Or {error.remedy}.",
        )
    except DatasetUnavailableError as error:
        found, _, remedy = str(error).rpartition(". ")  # the last sentence is the remedy
        return Finding(name, Verdict.PROBLEM, found, remedy)
    except OSError as error:
        return Finding(
            name, Verdict.PROBLEM, str(error), "Make it readable for this user, or change NOISESWEEP_DATA_DIR."
        )
    except ModuleNotFoundError as error:
        return Finding(name, Verdict.PROBLEM, f"{error.name} is not installed", INSTALL_WORKER)
    return Finding(name, Verdict.OK, f"{len(dataset.training_images):,} training images from {dataset.source}")
