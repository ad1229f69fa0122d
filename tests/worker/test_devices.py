import os
import subprocess
import sys
from pathlib import Path

import pytest
import tensorflow as tf

from shared.settings import Settings
from worker.devices import DeviceKind, compute_test_layer, find, last_error_line, max_processes, usable_cores
from worker.limits import core_quota, machine_memory, memory_limit

GB = 10**9

without_gpu = pytest.mark.skipif(
    sys.platform != "linux" or Path("/dev/nvidia0").exists(), reason="requires Linux without a GPU"
)


@without_gpu
def test_a_host_without_gpu_trains_on_its_cores() -> None:
    device = find(Settings())
    processes, bound = max_processes(usable_cores(), core_quota(), memory_limit(), machine_memory())
    assert (device.kind, device.processes, device.stack, device.xla) == (DeviceKind.CPU, processes, 1, False)
    assert device.reason.endswith(bound or "no GPU on this host")


@pytest.mark.parametrize(
    ("quota", "memory_limit", "machine", "expected"),
    [
        (None, None, 256 * GB, (32, "")),
        (64.0, 128 * GB, 256 * GB, (32, "")),
        (2.5, None, 256 * GB, (2, "the CPU limit is 2.5 cores")),
        (0.5, None, 256 * GB, (1, "the CPU limit is 0.5 cores")),
        (8.0, 4 * GB, 256 * GB, (3, "the memory limit is 4.0 GB")),
        (None, GB, 256 * GB, (1, "the memory limit is 1.0 GB")),
        (None, None, 8 * GB, (6, "the machine has 8.0 GB of memory")),
        (None, None, GB, (1, "the machine has 1.0 GB of memory")),
    ],
)
def test_limits_reduce_the_processes_of_32_cores(
    quota: float | None, memory_limit: int | None, machine: int, expected: tuple[int, str]
) -> None:
    assert max_processes(32, quota, memory_limit, machine) == expected


def test_the_test_layer_is_correct_and_prints_the_version() -> None:
    answer = compute_test_layer("CPU:0")
    assert (answer.returncode, answer.stdout.strip()) == (0, tf.__version__)


@without_gpu
def test_a_missing_gpu_is_not_replaced_by_the_cpu() -> None:
    answer = compute_test_layer("GPU:0")
    assert answer.returncode == 1
    assert last_error_line(answer.stderr) == "TensorFlow finds no GPU:0."


@pytest.mark.parametrize(
    ("stderr", "error"),
    [
        ("Traceback:\n  here\nOSError: not loaded\n  Reason: tried: there\n\n", "OSError: not loaded"),
        ("\n", "no error output"),
    ],
)
def test_the_last_line_without_indentation_names_the_error(stderr: str, error: str) -> None:
    assert last_error_line(stderr) == error


def test_settings_override_stack_and_compilation() -> None:
    device = find(Settings(stack=8, xla=True))
    assert (device.stack, device.xla) == (8, True)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="requires CPU affinity")
def test_only_cores_of_the_affinity_mask_count() -> None:
    core = min(os.sched_getaffinity(0))
    code = f"import os; os.sched_setaffinity(0, {{{core}}}); import worker.devices as d; print(d.usable_cores())"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "1"


def test_a_training_process_imports_keras_only_when_it_is_needed() -> None:
    code = """
import sys
from worker.devices import find, prepare
from shared.settings import Settings
prepare(find(Settings()))
import worker.trainer.claim, worker.trainer.stack_cache
assert not {"keras", "sklearn", "pandas"} & set(sys.modules)
import keras, tensorflow
assert keras.backend.backend() == "tensorflow"
assert tensorflow.keras.Sequential is keras.Sequential
assert keras.layers.Dense(2)(tensorflow.ones([3, 4])).shape == (3, 2)
"""
    subprocess.run([sys.executable, "-c", code], check=True)


@without_gpu
def test_a_training_process_on_a_cpu_is_single_threaded() -> None:
    threading = tf.config.threading  # conftest.py has prepared this process like a training process
    assert threading.get_intra_op_parallelism_threads() == 1
    assert threading.get_inter_op_parallelism_threads() == 1
