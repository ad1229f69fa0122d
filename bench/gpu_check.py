"""Checks and measurements for the first hour with a GPU. Ends with an error if a promise is broken.

    device    a GPU is found and computes a layer correctly
    values    the program for this device trains to the weights of the program for CPUs, up to rounding
    bits      a run has the same bits alone and at each position of a stack, when repeated, and when resumed
    speed     seconds per run and epoch by size of the stack, compared with the matrix products alone, and memory
    sweep     seconds for the notebook's five scales, with the tests at all scales

Run it with `make gpu-check`. Without a GPU, it runs the program for GPUs on a CPU, with the digits data set and small
counts, and says what was not run.
"""

import argparse
import logging
import math
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from bench import data
from bench.products import tensorflow_products
from bench.report import print_table, write_json
from noisesweep.models import Precision, TrainingConfig
from shared import datasets
from shared.datasets import Dataset, DatasetName
from shared.noise import Purpose
from shared.numerics import NUMERICS
from shared.settings import Settings
from worker.devices import GPU_STACK, Device, DeviceKind, compute_test_layer, find, last_error_line, prepare

SEED = 0
NOTEBOOK_SCALES = [0.1, 0.5, 1.0, 2.0, 4.0]
# The last minibatch of an epoch is smaller, as with MNIST, and odd: vector operations treat it differently.
LAST_MINIBATCH = 61
# Rounding errors grow in training. `make test` allows 1e-4 between this program and Keras after 10 steps.
LARGEST_ERROR = {Precision.FLOAT32: 1e-3, Precision.MIXED_BFLOAT16: 5e-2}


@dataclass
class Report:
    """Results of the checks.

    Attributes:
        promises: Whether each promise was kept, by its text.
        not_run: Checks that this host cannot run.
        tables: Rows of measurements, by title.
    """

    promises: dict[str, bool] = field(default_factory=dict)
    not_run: list[str] = field(default_factory=list)
    tables: dict[str, list[dict[str, object]]] = field(default_factory=dict)

    @property
    def broken(self) -> list[str]:
        """Return the texts of the broken promises."""
        return [text for text, kept in self.promises.items() if not kept]

    def print(self) -> None:
        """Print the tables, the promises, and what was not run."""
        for title, rows in self.tables.items():
            print_table(title, rows)
        for text, kept in self.promises.items():
            print(f"{'kept' if kept else 'BROKEN':7} {text}")
        for text in self.not_run:
            print(f"not run {text}")


class Trainings:
    """Compiled stacks on one device, for few images or all.

    Attributes:
        config: The training config.
        compile_seconds: Time of the first epoch of each stack, which compiles its program, by number of runs.

    Args:
        dataset: The data set.
        config: The training config.
        xla: Whether XLA compiles the program.
        steps: Whole minibatches of an epoch; None for all images.
    """

    def __init__(self, dataset: Dataset, config: TrainingConfig, *, xla: bool, steps: int | None) -> None:
        from worker.trainer.images import NoisyImages  # noqa: PLC0415 - after `prepare`

        self.config, self._xla = config, xla
        self.compile_seconds: dict[int, float] = {}
        self._stacks: dict[int, Any] = {}
        images = None if steps is None else steps * config.batch_size + LAST_MINIBATCH
        self._images = (
            NoisyImages(dataset.training_images[:images], dataset.training_labels[:images], Purpose.TRAINING_NOISE),
            NoisyImages(dataset.validation_images, dataset.validation_labels, Purpose.VALIDATION_NOISE),
        )

    @property
    def pixels(self) -> int:
        """Return the number of pixels of an image."""
        return int(self._images[0].images.shape[-1])

    def stack(self, runs: int) -> Any:  # noqa: ANN401 - worker.trainer.stack.Stack, which imports TensorFlow
        """Return the stack for that many runs, compiled."""
        from worker.trainer.stack import Stack  # noqa: PLC0415 - after `prepare`

        if runs not in self._stacks:
            begun = time.perf_counter()
            self._stacks[runs] = Stack(self.config, runs, *self._images, classes=10, xla=self._xla)
            results(self._stacks[runs], [0.0] * runs)
            self.compile_seconds[runs] = time.perf_counter() - begun
        return self._stacks[runs]


def results(stack: Any, scales: Sequence[float], chunks: int = 1) -> list[tuple[object, ...]]:  # noqa: ANN401 - a Stack
    """Train an epoch at these scales, and return all bits of each run: the weights' SHA-256 and the metrics.

    Args:
        stack: The stack.
        scales: One scale for each run.
        chunks: Number of parts of the epoch. Before each further part, the runs continue from their checkpoints.
    """
    stack.start(SEED, scales)
    for chunk in range(1, chunks + 1):
        stack.train(stack.steps * chunk // chunks - stack.step)
        if chunk < chunks:
            stack.start(SEED, scales, [stack.state(run) for run in range(len(scales))])
    metrics = zip(*stack.training_metrics(), *stack.validation_metrics(), strict=True)
    return [(stack.state(run).weights_sha256, *values) for run, values in enumerate(metrics)]


def check_device(report: Report) -> Device:
    """Report the training device of this host, and check that it computes a layer correctly."""
    device = find(Settings())
    report.promises["A GPU of this host is used."] = not device.idle_gpu
    if device.kind is DeviceKind.CPU:
        report.not_run.append(f"all checks on a GPU ({device.reason}); the program for GPUs was run on the CPU")
    answer = compute_test_layer("CPU:0" if device.kind is DeviceKind.CPU else "GPU:0")
    reason = f": {last_error_line(answer.stderr)}" if answer.returncode else "."
    report.promises[
        f"A test layer has the correct values on the device ({device.kind}){reason}"
    ] = not answer.returncode
    return device


def check_values(report: Report, ours: Trainings, plain: Trainings) -> None:
    """Check that the program for this device trains to the weights of the program for CPUs, up to rounding."""
    import tensorflow as tf  # noqa: PLC0415 - after `prepare`

    weights = []
    for trainings, place in ((ours, None), (plain, "CPU:0")):
        with tf.device(place):
            stack = trainings.stack(1)
            results(stack, [0.5])
            weights.append(np.concatenate([weight.ravel() for weight in stack.state(0).weights]))
    error = float(np.linalg.norm(weights[0] - weights[1]) / np.linalg.norm(weights[1]))
    bound = LARGEST_ERROR[ours.config.precision]
    text = f"{ours.config.precision}: the weights equal those of the program for CPUs, relative error at most {bound:g}"
    report.promises[f"{text} ({error:.1e})."] = error <= bound


def check_bits(report: Report, trainings: Trainings, stacks: Sequence[int]) -> None:
    """Check that a run has the same bits alone, in stacks, when repeated and when resumed."""
    precision, scales = trainings.config.precision, [0.125 * run for run in range(max(stacks))]
    single = trainings.stack(1)
    alone = [results(single, [scale])[0] for scale in scales]
    report.promises[f"{precision}: a repeated run has the same bits."] = results(single, scales[:1]) == alone[:1]
    for runs in stacks:
        stack = trainings.stack(runs)
        different = [run for run, bits in enumerate(results(stack, scales[:runs])) if bits != alone[run]]
        text = f"{precision}: each of {runs} runs has the same bits in a stack as alone"
        report.promises[f"{text}{f' (different: {different})' if different else ''}."] = not different
        resumed = results(stack, scales[:runs], chunks=3) == alone[:runs]
        report.promises[f"{precision}: {runs} resumed runs have the same bits."] = resumed


def measure_stack(trainings: Trainings, runs: int) -> dict[str, object]:
    """Return seconds per run and epoch with its validation, and peak memory, of a stack of that many runs."""
    import tensorflow as tf  # noqa: PLC0415 - after `prepare`

    gpu = bool(tf.config.list_physical_devices("GPU"))
    if gpu:
        tf.config.experimental.reset_memory_stats("GPU:0")
    stack = trainings.stack(runs)
    products = tensorflow_products(trainings.config, trainings.pixels, runs)
    products(1)
    begun = time.perf_counter()
    results(stack, [0.125 * run for run in range(runs)])
    middle = time.perf_counter()
    products(stack.steps)
    seconds, floor = middle - begun, time.perf_counter() - middle
    memory = tf.config.experimental.get_memory_info("GPU:0")["peak"] / 1e9 if gpu else math.nan
    return {
        "precision": trainings.config.precision.value,
        "runs": runs,
        "s per run and epoch": seconds / runs,
        "of its products": seconds / floor,
        "s of the first epoch": trainings.compile_seconds[runs],
        "peak GB": memory,
    }


def measure_sweep(trainings: Trainings, scales: Sequence[float]) -> dict[str, object]:
    """Return the seconds of a sweep over these scales in one stack, with the tests of its networks."""
    from worker.trainer.loop import DivergedError, epochs  # noqa: PLC0415 - after `prepare`

    stack = trainings.stack(len(scales))
    begun = time.perf_counter()
    stack.start(SEED, scales)
    (*_, last) = epochs(stack, stop=lambda: False)
    for scale in [0.0, *scales]:
        stack.evaluate([scale] * len(scales))
    seconds = time.perf_counter() - begun
    accuracies = {
        f"val_accuracy at {scale:g}": math.nan if isinstance(end, DivergedError) else end.val_accuracy
        for scale, end in zip(scales, last, strict=True)
    }
    return {
        "precision": trainings.config.precision.value,
        "epochs": trainings.config.epochs,
        "s": seconds,
        **accuracies,
    }


def check(report: Report, device: Device, arguments: argparse.Namespace) -> None:
    """Run all checks and measurements on a device."""
    on_cpu = device.kind is DeviceKind.CPU
    xla = device.xla or on_cpu
    dataset = datasets.load(DatasetName.DIGITS, None) if on_cpu else data.load()
    stacks = arguments.stacks or ([1, 2, 3] if on_cpu else [1, 2, 3, 5, 8, 16, GPU_STACK])
    scales = NOTEBOOK_SCALES[: max(stacks)] if on_cpu else NOTEBOOK_SCALES
    speed, sweeps = [], []
    for precision in arguments.precisions:
        epochs = arguments.epochs or (1 if on_cpu else TrainingConfig().epochs)
        config = TrainingConfig(precision=precision, epochs=epochs)
        few = Trainings(dataset, config, xla=xla, steps=arguments.steps)
        check_values(report, few, Trainings(dataset, config, xla=False, steps=arguments.steps))
        check_bits(report, few, stacks)
        measured = few if on_cpu else Trainings(dataset, config, xla=xla, steps=None)
        speed += [measure_stack(measured, runs) for runs in stacks]
        sweeps.append(measure_sweep(measured, scales))
    title = f"{dataset.name}, {device.kind}, {'compiled by XLA' if xla else 'without XLA'}, numerics {NUMERICS}"
    report.tables |= {title: speed, f"{title}: a sweep of {len(scales)} scales": sweeps}
    if on_cpu:
        report.not_run.append("speed with MNIST and all images, and memory of a GPU: the times above are of few images")
    if max(stacks) < GPU_STACK:
        report.not_run.append(f"stacks of {max(stacks) + 1} to {GPU_STACK} runs: see --stacks")


def main() -> None:
    """Check and measure the training device, print a report, and end with an error if a promise is broken."""
    parser = argparse.ArgumentParser(prog="python -m bench.gpu_check", description=main.__doc__)
    parser.add_argument("--stacks", type=int, nargs="+", help="sizes of stacks (GPU: 1 to 32, CPU: 1 to 3)")
    parser.add_argument("--steps", type=int, default=4, help="whole minibatches of the trainings that compare bits")
    parser.add_argument("--precisions", type=Precision, nargs="+", default=list(Precision))
    parser.add_argument("--epochs", type=int, help="epochs of the sweep (GPU: 20, CPU: 1)")
    parser.add_argument("--out", type=Path, default=Path("bench-gpu.json"))
    arguments = parser.parse_args()

    report = Report()
    device = check_device(report)
    prepare(device)
    logging.getLogger("tensorflow").setLevel(logging.ERROR)  # it warns about several programs of one function
    check(report, device, arguments)
    report.print()
    write_json(arguments.out, vars(report))
    if report.broken:
        sys.exit(f"{len(report.broken)} of {len(report.promises)} promises are broken.")


if __name__ == "__main__":
    main()
