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
PASSWORD = "hunter2"  # noqa: S105 - it protects nothing


@pytest.mark.parametrize(
    ("version", "verdict"), [((3, 10, 14), PROBLEM), ((3, 11, 0), OK), ((3, 13, 9), OK), ((3, 14, 0), PROBLEM)]
)
def test_python_is_to_be_one_that_tensorflow_has_wheels_for(version: tuple[int, int, int], verdict: Verdict) -> None:
    assert host.check_python(version).verdict is verdict


def test_tensorflow_computes_on_the_device_that_a_worker_picks() -> None:
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
    """The record of a distribution, as pip leaves it."""
    record = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    record.mkdir()
    (record / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")


@pytest.mark.parametrize(
    ("code", "found", "remedy"),
    [
        (f"raise OSError({DLOPEN!r})", "does not go with this TensorFlow: OSError: dlopen", "tensorflow==2.18.*"),
        ("raise ModuleNotFoundError(\"No module named 'tensorflow'\")", "not installed", "noisesweep[worker]"),
        ("raise ImportError('libcudart is amiss')", "ImportError: libcudart is amiss", "reinstall"),
        ("import os; os.abort()", "SIGABRT", "AVX"),
        (STUB + "ones = numpy.zeros", "product of matrices came out wrong", "reinstall"),
        (STUB + "nn.relu = lambda inputs: inputs", "ReLU came out wrong", "reinstall"),
    ],
)
def test_a_tensorflow_that_does_not_work_is_a_problem_with_the_remedy_that_fits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, found: str, remedy: str
) -> None:
    fake_tensorflow(tmp_path, monkeypatch, code)
    finding = host.check_tensorflow(CPU)
    assert finding.verdict is PROBLEM
    assert found in finding.found
    assert remedy in finding.remedy


def test_a_tensorflow_that_hangs_is_waited_for_so_long_and_no_longer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_tensorflow(tmp_path, monkeypatch, "import time; time.sleep(300)")
    finding = host.check_tensorflow(CPU, seconds=0.5)
    assert finding.verdict is PROBLEM
    assert "within 0.5 s" in finding.found


def test_a_gpu_left_idle_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_tensorflow(tmp_path, monkeypatch, STUB)
    idle = Device(DeviceKind.CPU, processes=2, stack=1, xla=False, reason="a GPU is here", idle_gpu=True)
    finding = host.check_tensorflow(idle)
    assert (finding.verdict, finding.found) == (WARNING, "2.99 computes on the CPU: a GPU is here")
    assert "noisesweep[gpu]" in finding.remedy
    assert host.check_tensorflow(CPU).verdict is OK


def test_a_gpu_that_tensorflow_does_not_find_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_tensorflow(tmp_path, monkeypatch, STUB)
    gpu = Device(DeviceKind.GPU, processes=1, stack=32, xla=True, reason="NVIDIA GPU")
    finding = host.check_tensorflow(gpu)
    assert (finding.verdict, finding.found) == (PROBLEM, "it does not work: TensorFlow finds no GPU:0.")


def test_the_pair_for_metal_is_what_the_extra_installs() -> None:
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
def test_the_right_pair_for_metal_or_half_a_pair_is_no_mismatch(versions: dict[str, str]) -> None:
    assert host.metal_mismatch(versions) == ""


@pytest.mark.parametrize(("tensorflow", "metal"), [("2.21.0", "1.2.0"), ("2.18.1", "1.1.0"), ("2.1.0", "1.2.0")])
def test_another_pair_for_metal_is_a_mismatch_that_says_what_is_here_and_what_goes_together(
    tensorflow: str, metal: str
) -> None:
    mismatch = host.metal_mismatch({"tensorflow": tensorflow, "tensorflow-metal": metal})
    assert f"tensorflow {tensorflow} with tensorflow-metal {metal}" in mismatch
    assert "tensorflow 2.18 with tensorflow-metal 1.2" in mismatch


@pytest.mark.parametrize(
    ("code", "verdict", "found"),
    [(f"raise OSError({DLOPEN!r})", PROBLEM, "Library not loaded"), (STUB, WARNING, "2.99 computes on the CPU")],
)
def test_a_mismatch_is_told_with_the_command_that_mends_it_whether_tensorflow_works_or_not(
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


def test_a_pair_for_metal_that_is_right_and_does_not_compute_is_not_to_be_installed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_tensorflow(tmp_path, monkeypatch, STUB)
    install(tmp_path, "tensorflow", "2.18.1")
    install(tmp_path, "tensorflow-metal", "1.2.0")
    monkeypatch.syspath_prepend(tmp_path)
    idle = Device(DeviceKind.CPU, processes=2, stack=1, xla=False, reason="A ReLU came out wrong.", idle_gpu=True)
    finding = host.check_tensorflow(idle)
    assert (finding.verdict, finding.remedy) == (WARNING, host.WITHOUT_METAL)


def test_memory_for_fewer_processes_is_a_warning_that_says_how_many_and_for_none_a_problem() -> None:
    each = TRAINING_PROCESS_BYTES
    assert host.check_memory(processes=4, free_bytes=4 * each).verdict is OK
    scarce = host.check_memory(processes=4, free_bytes=4 * each - 1)
    assert scarce.verdict is WARNING
    assert "--workers 3" in scarce.remedy
    assert host.check_memory(processes=4, free_bytes=each - 1).verdict is PROBLEM


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hide_data_sets(tmp_path, monkeypatch)

    def refuse(*arguments: object, **options: object) -> None:
        pytest.fail("A check has begun a download.")

    monkeypatch.setattr(pooch, "retrieve", refuse)


def test_the_bundled_digits_are_there() -> None:
    finding = host.check_dataset(DatasetName.DIGITS, Settings())
    assert (finding.verdict, finding.found) == (OK, "1,442 training images from scikit-learn")


@pytest.mark.skipif(not os.environ.get("NOISESWEEP_DATA_DIR"), reason="set NOISESWEEP_DATA_DIR to a folder with MNIST")
def test_mnist_is_said_to_be_where_it_is() -> None:
    finding = host.check_dataset(DatasetName.MNIST, Settings())
    assert (finding.verdict, finding.found) == (OK, f"60,000 training images from {os.environ['NOISESWEEP_DATA_DIR']}")


@pytest.mark.usefixtures("nowhere")
@pytest.mark.parametrize("name", [DatasetName.MNIST, DatasetName.FASHION_MNIST])
def test_a_data_set_that_would_have_to_be_downloaded_is_a_warning_and_no_download(
    tmp_path: Path, name: DatasetName
) -> None:
    finding = host.check_dataset(name, Settings(data_dir=tmp_path))
    assert finding.verdict is WARNING
    assert f"NOISESWEEP_DATA_DIR={tmp_path} (neither {name}.npz nor" in finding.found
    assert f"-m shared.datasets {name}" in finding.remedy
    assert f"put {name}.npz" in finding.remedy


@pytest.mark.usefixtures("nowhere")
def test_something_else_under_the_name_of_mnist_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "mnist.npz").write_text("not an archive")
    finding = host.check_dataset(DatasetName.MNIST, Settings(data_dir=tmp_path))
    assert (finding.verdict, finding.remedy) == (PROBLEM, "Remove or replace it.")
    assert finding.found.startswith(f"{tmp_path / 'mnist.npz'} is not an archive of x_train")


def test_settings_that_do_not_validate_are_problems_that_name_the_variable_and_hide_its_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_tensorflow(tmp_path, monkeypatch, STUB)
    monkeypatch.setenv("NOISESWEEP_PORT", "abc")
    monkeypatch.setenv("NOISESWEEP_REDIS_URL", f"{PASSWORD}@host")
    command = [sys.executable, "-m", "worker.doctor", "--json"]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    findings = [(finding["check"], finding["found"]) for finding in json.loads(answer.stdout)]
    faults = [found for check, found in findings if check == "settings"]
    assert sorted(fault.split(":")[0] for fault in faults) == ["NOISESWEEP_PORT", "NOISESWEEP_REDIS_URL"]
    assert dict(findings)["TensorFlow"].startswith("2.99 computes")
    assert answer.returncode == 1
    assert answer.stderr == ""
    assert PASSWORD not in answer.stdout
