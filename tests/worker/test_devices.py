import os
import subprocess
import sys
from pathlib import Path

import pytest
import tensorflow as tf

from shared.settings import Settings
from worker.devices import DeviceKind, find, usable_cores

without_gpu = pytest.mark.skipif(
    sys.platform != "linux" or Path("/dev/nvidia0").exists(), reason="for Linux without a GPU"
)


@without_gpu
def test_a_host_without_a_gpu_trains_one_process_on_each_core() -> None:
    device = find(Settings())
    assert (device.kind, device.processes, device.stack, device.xla) == (DeviceKind.CPU, usable_cores(), 1, False)


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
