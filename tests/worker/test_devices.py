import os
import subprocess
import sys
from pathlib import Path

import pytest
import tensorflow as tf

from shared.settings import Settings
from worker.devices import DeviceKind, compute, fault_in, find, fitting_processes, usable_cores
from worker.limits import core_quota, machine_memory, memory_limit

GB = 10**9

without_gpu = pytest.mark.skipif(
    sys.platform != "linux" or Path("/dev/nvidia0").exists(), reason="for Linux without a GPU"
)


@without_gpu
def test_a_host_without_a_gpu_trains_as_many_processes_as_fit_into_it() -> None:
    device = find(Settings())
    processes, bound = fitting_processes(usable_cores(), core_quota(), memory_limit(), machine_memory())
    assert (device.kind, device.processes, device.stack, device.xla) == (DeviceKind.CPU, processes, 1, False)
    assert device.reason.endswith(bound or "no GPU on this host")


@pytest.mark.parametrize(
    ("quota", "memory_limit", "machine", "fitting"),
    [
        (None, None, 256 * GB, (32, "")),
        (64.0, 128 * GB, 256 * GB, (32, "")),
        (2.5, None, 256 * GB, (2, "CPU time is limited to that of 2.5")),
        (0.5, None, 256 * GB, (1, "CPU time is limited to that of 0.5")),
        (8.0, 4 * GB, 256 * GB, (3, "memory is limited to 4.0 GB")),
        (None, GB, 256 * GB, (1, "memory is limited to 1.0 GB")),
        (None, None, 8 * GB, (6, "this machine has 8.0 GB of memory")),
        (None, None, GB, (1, "this machine has 1.0 GB of memory")),
    ],
)
def test_of_32_cores_so_many_get_a_process_as_the_limits_allow_and_at_least_one(
    quota: float | None, memory_limit: int | None, machine: int, fitting: tuple[int, str]
) -> None:
    assert fitting_processes(32, quota, memory_limit, machine) == fitting


def test_tensorflow_computes_a_layer_and_says_its_version() -> None:
    answer = compute("CPU:0")
    assert (answer.returncode, answer.stdout.strip()) == (0, tf.__version__)


@without_gpu
def test_what_a_gpu_is_to_compute_is_not_computed_by_the_cpu_in_its_stead() -> None:
    answer = compute("GPU:0")
    assert answer.returncode == 1
    assert fault_in(answer.stderr) == "TensorFlow finds no GPU:0."


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ("Traceback:\n  here\nOSError: not loaded\n  Reason: tried: there\n\n", "OSError: not loaded"),
        ("\n", "it said nothing"),
    ],
)
def test_the_fault_in_what_was_said_is_the_last_line_that_is_not_indented(said: str, fault: str) -> None:
    assert fault_in(said) == fault


def test_stack_and_compilation_can_be_overruled() -> None:
    device = find(Settings(stack=8, xla=True))
    assert (device.stack, device.xla) == (8, True)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="for systems with core affinity")
def test_only_the_cores_that_this_process_may_use_count() -> None:
    core = min(os.sched_getaffinity(0))
    question = f"import os; os.sched_setaffinity(0, {{{core}}}); import worker.devices as d; print(d.usable_cores())"
    answer = subprocess.run([sys.executable, "-c", question], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "1"


@without_gpu
def test_a_training_process_on_a_cpu_is_single_threaded() -> None:
    threading = tf.config.threading  # this process is prepared as a training process is: see conftest
    assert threading.get_intra_op_parallelism_threads() == 1
    assert threading.get_inter_op_parallelism_threads() == 1
