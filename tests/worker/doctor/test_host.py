import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pooch
import pytest
import tensorflow as tf

from shared.datasets import DatasetName
from shared.settings import Settings
from tests.support.dataset_files import hide_data_sets
from worker.devices import TRAINING_PROCESS_BYTES, Device, DeviceKind, find
from worker.doctor import host
from worker.doctor.findings import Verdict

OK, WARNING, PROBLEM = Verdict.OK, Verdict.WARNING, Verdict.PROBLEM
CPU = Device(DeviceKind.CPU, processes=2, stack=1, xla=False, reason="no GPU on this host")
PASSWORD = "hunter2"  # noqa: S105 - test data


@pytest.mark.parametrize(
    ("version", "verdict"), [((3, 10, 14), PROBLEM), ((3, 11, 0), OK), ((3, 13, 9), OK), ((3, 14, 0), PROBLEM)]
)
def test_unsupported_python_versions_are_problems(version: tuple[int, int, int], verdict: Verdict) -> None:
    assert host.check_python(version).verdict is verdict


def test_tensorflow_computes_on_the_detected_device() -> None:
    device = find(Settings())
    finding = host.check_tensorflow(device)
    assert finding.verdict is (WARNING if device.idle_gpu else OK), finding
    assert finding.found.startswith(f"{tf.__version__} computes on the {device.kind.upper()}: ")


STUB = """
import contextlib
import types
import numpy
__version__ = "2.99"
config = types.SimpleNamespace(list_physical_devices=lambda kind: [] if kind == "GPU" else [kind])
device = contextlib.nullcontext
function = lambda traced: traced
nn = types.SimpleNamespace(relu=lambda inputs: numpy.maximum(inputs, 0))
ones = numpy.ones
"""
DLOPEN = """dlopen(tensorflow-plugins/libmetal_plugin.dylib, 0x0006): Library not loaded: @rpath/_pywrap.so
  Referenced from: tensorflow-plugins/libmetal_plugin.dylib
  Reason: tried: tensorflow-plugins/../_pywrap.so (no such file)
"""


def fake_tensorflow(folder: Path, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    (folder / "tensorflow.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")]))


def install(folder: Path, name: str, version: str) -> None:
    """Write the metadata of an installed distribution."""
    record = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    record.mkdir()
    (record / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")


@pytest.mark.parametrize(
    ("code", "found", "remedy"),
    [
        (f"raise OSError({DLOPEN!r})", "does not match TensorFlow: OSError: dlopen", "tensorflow==2.18.*"),
        ("raise ModuleNotFoundError(\"No module named 'tensorflow'\")", "not installed", "noisesweep[worker]"),
        ("raise ImportError('libcudart is missing')", "ImportError: libcudart is missing", "reinstall"),
        ("import os; os.abort()", "SIGABRT", "AVX"),
        (STUB + "ones = numpy.zeros", "matrix product has wrong values", "reinstall"),
        (STUB + "nn.relu = lambda inputs: inputs", "ReLU has wrong values", "reinstall"),
    ],
)
def test_a_broken_tensorflow_is_a_problem_with_a_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, found: str, remedy: str
) -> None:
    fake_tensorflow(tmp_path, monkeypatch, code)
    finding = host.check_tensorflow(CPU)
    assert finding.verdict is PROBLEM
    assert found in finding.found
    assert remedy in finding.remedy


def test_a_hanging_tensorflow_is_a_problem_after_the_timeout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_tensorflow(tmp_path, monkeypatch, "import time; time.sleep(300)")
    finding = host.check_tensorflow(CPU, timeout_seconds=0.5)
    assert finding.verdict is PROBLEM
    assert "within 0.5 s" in finding.found


def test_an_unused_gpu_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_tensorflow(tmp_path, monkeypatch, STUB)
    idle = Device(DeviceKind.CPU, processes=2, stack=1, xla=False, reason="unused GPU", idle_gpu=True)
    finding = host.check_tensorflow(idle)
    assert (finding.verdict, finding.found) == (WARNING, "2.99 computes on the CPU: unused GPU")
    assert "noisesweep[gpu]" in finding.remedy
    assert host.check_tensorflow(CPU).verdict is OK


def test_a_gpu_unknown_to_tensorflow_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_tensorflow(tmp_path, monkeypatch, STUB)
    gpu = Device(DeviceKind.GPU, processes=1, stack=32, xla=True, reason="NVIDIA GPU")
    finding = host.check_tensorflow(gpu)
    assert (finding.verdict, finding.found) == (
        PROBLEM,
        "it failed to compute a test layer: TensorFlow finds no GPU:0.",
    )


def test_the_metal_versions_match_the_extra() -> None:
    project = tomllib.loads(Path(__file__, "../../../../pyproject.toml").resolve().read_text())["project"]
    extra = [requirement.partition(";")[0] for requirement in project["optional-dependencies"]["metal"]]
    for name, release in host.METAL_PAIR.items():
        assert f"{name}=={release}.*" in extra


@pytest.mark.parametrize(
    "versions",
    [
        {},
        {"tensorflow": "2.21.0"},
        {"tensorflow-metal": "1.2.0"},
        {"tensorflow": "2.18.0", "tensorflow-metal": "1.2.0"},
        {"tensorflow": "2.18.1", "tensorflow-metal": "1.2"},
    ],
)
def test_compatible_or_incomplete_metal_versions_are_no_mismatch(versions: dict[str, str]) -> None:
    assert host.metal_mismatch(versions) == ""


@pytest.mark.parametrize(("tensorflow", "metal"), [("2.21.0", "1.2.0"), ("2.18.1", "1.1.0"), ("2.1.0", "1.2.0")])
def test_a_metal_mismatch_names_installed_and_compatible_versions(tensorflow: str, metal: str) -> None:
    mismatch = host.metal_mismatch({"tensorflow": tensorflow, "tensorflow-metal": metal})
    assert f"tensorflow {tensorflow} with tensorflow-metal {metal}" in mismatch
    assert "tensorflow 2.18 with tensorflow-metal 1.2" in mismatch


@pytest.mark.parametrize(
    ("code", "verdict", "found"),
    [(f"raise OSError({DLOPEN!r})", PROBLEM, "Library not loaded"), (STUB, WARNING, "2.99 computes on the CPU")],
)
def test_a_metal_mismatch_is_reported_with_the_install_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, verdict: Verdict, found: str
) -> None:
    fake_tensorflow(tmp_path, monkeypatch, code)
    install(tmp_path, "tensorflow", "2.99")
    install(tmp_path, "tensorflow-metal", "1.2.0")
    monkeypatch.syspath_prepend(tmp_path)
    finding = host.check_tensorflow(CPU)
    assert finding.verdict is verdict
    assert found in finding.found
    assert "tensorflow 2.99 with tensorflow-metal 1.2.0" in finding.found
    assert "pip install 'tensorflow==2.18.*' 'tensorflow-metal==1.2.*'" in finding.remedy


def test_a_compatible_but_broken_metal_plugin_should_be_uninstalled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_tensorflow(tmp_path, monkeypatch, STUB)
    install(tmp_path, "tensorflow", "2.18.1")
    install(tmp_path, "tensorflow-metal", "1.2.0")
    monkeypatch.syspath_prepend(tmp_path)
    idle = Device(DeviceKind.CPU, processes=2, stack=1, xla=False, reason="A ReLU has wrong values.", idle_gpu=True)
    finding = host.check_tensorflow(idle)
    assert (finding.verdict, finding.remedy) == (WARNING, host.UNINSTALL_METAL)


def test_too_little_memory_is_a_warning_or_a_problem() -> None:
    each = TRAINING_PROCESS_BYTES
    assert host.check_memory(processes=4, free_bytes=4 * each).verdict is OK
    too_little = host.check_memory(processes=4, free_bytes=4 * each - 1)
    assert too_little.verdict is WARNING
    assert "--workers 3" in too_little.remedy
    assert host.check_memory(processes=4, free_bytes=each - 1).verdict is PROBLEM


@pytest.fixture
def no_data_sets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hide_data_sets(tmp_path, monkeypatch)

    def refuse(*arguments: object, **options: object) -> None:
        pytest.fail("A check started a download.")

    monkeypatch.setattr(pooch, "retrieve", refuse)


def test_the_bundled_digits_are_found() -> None:
    finding = host.check_dataset(DatasetName.DIGITS, Settings())
    assert (finding.verdict, finding.found) == (OK, "1,442 training images from scikit-learn")


@pytest.mark.skipif(not os.environ.get("NOISESWEEP_DATA_DIR"), reason="set NOISESWEEP_DATA_DIR to a folder with MNIST")
def test_the_location_of_mnist_is_reported() -> None:
    finding = host.check_dataset(DatasetName.MNIST, Settings())
    assert (finding.verdict, finding.found) == (OK, f"60,000 training images from {os.environ['NOISESWEEP_DATA_DIR']}")


@pytest.mark.usefixtures("no_data_sets")
@pytest.mark.parametrize("name", [DatasetName.MNIST, DatasetName.FASHION_MNIST])
def test_a_missing_data_set_is_a_warning_without_download(tmp_path: Path, name: DatasetName) -> None:
    finding = host.check_dataset(name, Settings(data_dir=tmp_path))
    assert finding.verdict is WARNING
    assert f"NOISESWEEP_DATA_DIR={tmp_path} (neither {name}.npz nor" in finding.found
    assert f"-m shared.datasets {name}" in finding.remedy
    assert f"put {name}.npz" in finding.remedy


@pytest.mark.usefixtures("no_data_sets")
def test_an_invalid_mnist_file_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "mnist.npz").write_text("not an archive")
    finding = host.check_dataset(DatasetName.MNIST, Settings(data_dir=tmp_path))
    assert (finding.verdict, finding.remedy) == (PROBLEM, "Remove or replace it.")
    assert finding.found.startswith(f"{tmp_path / 'mnist.npz'}: expected an .npz archive of x_train")


def test_invalid_settings_are_problems_that_hide_values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_tensorflow(tmp_path, monkeypatch, STUB)
    monkeypatch.setenv("NOISESWEEP_PORT", "abc")
    monkeypatch.setenv("NOISESWEEP_REDIS_URL", f"{PASSWORD}@host")
    command = [sys.executable, "-m", "worker.doctor", "--json"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    findings = [(finding["check"], finding["found"]) for finding in json.loads(result.stdout)]
    faults = [found for check, found in findings if check == "settings"]
    assert sorted(fault.split(":")[0] for fault in faults) == ["NOISESWEEP_PORT", "NOISESWEEP_REDIS_URL"]
    assert dict(findings)["TensorFlow"].startswith("2.99 computes")
    assert result.returncode == 1
    assert result.stderr == ""
    assert PASSWORD not in result.stdout
