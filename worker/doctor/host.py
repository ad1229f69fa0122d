"""The checks of this host: settings, Python, TensorFlow and its device, memory, data sets.

None of them imports TensorFlow or needs it to be installed.
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
from shared.settings import Settings, faults_of, variable
from worker.devices import ANSWER_SECONDS, TRAINING_PROCESS_BYTES, Device, DeviceKind, compute, fault_in
from worker.doctor.findings import Finding, Verdict

# requires-python in pyproject.toml: first and last.
PYTHONS = ((3, 11), (3, 13))

# The extra `metal` in pyproject.toml: the releases that go together, to the second place. A test holds them equal.
METAL_PAIR = {"tensorflow": "2.18", "tensorflow-metal": "1.2"}

INSTALL_WORKER = "`pip install 'noisesweep[worker]'`. A host that runs the API alone does without."

TRY_TENSORFLOW = f"`{sys.executable} -c 'import tensorflow'`"

INSTALL_METAL_PAIR = "`pip install {}`, which has wheels for Python 3.11 and 3.12".format(
    " ".join(f"'{name}=={release}.*'" for name, release in METAL_PAIR.items())
)
WITHOUT_METAL = "Without it, the CPU trains: `pip uninstall tensorflow-metal`."


def read_settings() -> tuple[Settings, list[Finding]]:
    """The settings, and a problem for each variable that does not validate, which then counts as not given."""
    try:
        return Settings(), []
    except ValidationError as error:
        faults = faults_of(error)
    defaults = {name: Settings.model_fields[name].default for name in faults}
    return Settings(**defaults), [
        Finding("settings", Verdict.PROBLEM, f"{variable(name)}: {message}", f"Correct or unset {variable(name)}.")
        for name, message in faults.items()
    ]


def check_python(version: tuple[int, int, int]) -> Finding:
    """Check that this version of Python is supported."""
    first, last = (".".join(map(str, one)) for one in PYTHONS)
    found = f"{'.'.join(map(str, version))} ({sys.executable})"
    if PYTHONS[0] <= version[:2] <= PYTHONS[1]:
        return Finding("Python", Verdict.OK, found)
    remedy = f"Install noisesweep with Python {first} to {last}: TensorFlow has no wheels for others."
    return Finding("Python", Verdict.PROBLEM, found, remedy)


def check_tensorflow(device: Device, seconds: float = ANSWER_SECONDS) -> Finding:
    """Check that TensorFlow computes on the device, in a separate process with a timeout in seconds."""
    place = "CPU:0" if device.kind is DeviceKind.CPU else "GPU:0"
    try:
        answer = compute(place, seconds)
    except subprocess.TimeoutExpired:
        found = f"it has not computed a layer on {place} within {seconds:g} s"
        remedy = f"Try it: {TRY_TENSORFLOW}. A driver may hang, or a slow disk take long: then ask again."
        return Finding("TensorFlow", Verdict.PROBLEM, found, remedy)
    installed = metal_versions()
    mismatch = metal_mismatch(installed)
    if answer.returncode != 0:
        return _tensorflow_failure(answer.returncode, answer.stderr, mismatch)
    found = f"{answer.stdout.split()[-1]} computes on the {device.kind.upper()}: {device.reason}"
    if mismatch:
        return Finding("TensorFlow", Verdict.WARNING, f"{found}. {mismatch}", f"{INSTALL_METAL_PAIR}.")
    if device.idle_gpu and "tensorflow-metal" in installed:
        return Finding("TensorFlow", Verdict.WARNING, found, WITHOUT_METAL)
    if device.idle_gpu:
        remedy = "`pip install 'noisesweep[gpu]'` for NVIDIA on Linux, `'noisesweep[metal]'` for Apple silicon."
        return Finding("TensorFlow", Verdict.WARNING, found, f"{remedy} Until then the CPU trains, which takes longer.")
    return Finding("TensorFlow", Verdict.OK, found)


def metal_versions() -> dict[str, str]:
    """The versions in which the distributions of METAL_PAIR are installed, by name."""
    versions = {}
    for name in METAL_PAIR:
        with suppress(metadata.PackageNotFoundError):
            versions[name] = metadata.version(name)
    return versions


def metal_mismatch(versions: Mapping[str, str]) -> str:
    """Return a sentence if both versions are installed and differ from METAL_PAIR, otherwise ""."""
    if versions.keys() != METAL_PAIR.keys():
        return ""
    if all(f"{versions[name]}.".startswith(f"{release}.") for name, release in METAL_PAIR.items()):
        return ""
    here, together = (" with ".join(f"{name} {at[name]}" for name in METAL_PAIR) for at in (versions, METAL_PAIR))
    return f"Installed is {here}; what goes together is {together}"


def _tensorflow_failure(code: int, said: str, mismatch: str) -> Finding:
    fault = fault_in(said)
    if "libmetal_plugin" in said or mismatch:
        found = f"tensorflow-metal does not go with this TensorFlow: {fault}" + (f". {mismatch}" if mismatch else "")
        remedy = f"{INSTALL_METAL_PAIR}. {WITHOUT_METAL}"
    elif re.search(r"No module named 'tensorflow'$", fault):
        found, remedy = "not installed, so this host cannot train", INSTALL_WORKER
    elif code < 0:
        found = f"it was ended by {signal.Signals(-code).name}: {fault}"
        remedy = "Its wheels need a processor with AVX; or reinstall it: `pip install --force-reinstall tensorflow`."
    else:
        found = f"it does not work: {fault}"
        remedy = f"See all of it: {TRY_TENSORFLOW}. Reinstall it: `pip install --force-reinstall tensorflow`."
    return Finding("TensorFlow", Verdict.PROBLEM, found, remedy)


def check_memory(processes: int, free_bytes: int) -> Finding:
    """Check that the training processes fit into the free memory."""
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
    """Check that this host has the data set, and where. Nothing is downloaded."""
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
