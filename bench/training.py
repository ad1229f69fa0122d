"""Speed of the trainer on all cores, compared with Keras, JAX and a lower bound, in seconds per run and epoch.

    a  The notebook: Keras `fit` on NumPy arrays, in one process on all cores.
    b  This trainer: one single-threaded process per core, each with its own run.
    c  The lower bound: only the matrix products of (b), in one single-threaded process per core. TensorFlow (oneDNN)
       is the library that (b) uses. NumPy (OpenBLAS) is measured for comparison.
    d  JAX: the same training as (b), in one single-threaded process per core. Left out if JAX is not installed.

The contenders take turns epoch by epoch, so that changes in the speed of the machine affect all of them. The report
contains medians and their ratios. Run it with `make bench`.
"""

import argparse
import json
import multiprocessing
import os
import resource
import time
from collections.abc import Callable
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median

import numpy as np

from bench import data, jax_training, products
from noisesweep.models import ConvolutionalNetwork, Model, Precision, TrainingConfig
from shared.datasets import to_pixels
from shared.noise import Purpose, base_noise
from shared.noise_kinds import add_noise
from worker.devices import Device, DeviceKind, prepare, usable_cores

SEED, SCALE, PIXELS = 0, 0.5, 784
# Device of a training process on a host without a GPU.
CPU = Device(DeviceKind.CPU, processes=1, stack=1, xla=False, reason="benchmark")
Epoch = Callable[[], object]
MLP = TrainingConfig().model


def keras_fit(precision: str, network: Model = MLP) -> Epoch:
    """Return a function that trains and validates one epoch like the notebook (a)."""
    os.environ["KERAS_BACKEND"] = "tensorflow"
    from worker.trainer.keras_export import build_model  # noqa: PLC0415 - each process imports only its contender

    assert precision == "float32"  # noqa: S101 - the notebook has no other precision
    dataset, config = data.load(), TrainingConfig(model=network)
    clean, clean_validation = to_pixels(dataset.training_images), to_pixels(dataset.validation_images)
    images = add_noise(clean, SCALE, base_noise(SEED, Purpose.TRAINING_NOISE, clean.shape))
    validation = add_noise(clean_validation, SCALE, base_noise(SEED, Purpose.VALIDATION_NOISE, clean_validation.shape))
    model = build_model(config, dataset.training_images.shape[1:], classes=10)
    images, validation = (each.reshape(-1, *model.input_shape[1:]) for each in (images, validation))
    return lambda: model.fit(
        images,
        dataset.training_labels,
        batch_size=config.batch_size,
        validation_data=(validation, dataset.validation_labels),
        verbose=0,
    )


def trainer(precision: str, network: Model = MLP) -> Epoch:
    """Return a function that trains and validates one epoch with this trainer (b)."""
    prepare(CPU)
    from worker.trainer.images import NoisyImages  # noqa: PLC0415 - as above
    from worker.trainer.loop import epochs  # noqa: PLC0415
    from worker.trainer.stack import Stack  # noqa: PLC0415 - as above

    dataset = data.load()
    config = TrainingConfig(model=network, precision=Precision(precision), epochs=200)
    training = NoisyImages(dataset.training_images, dataset.training_labels, Purpose.TRAINING_NOISE)
    validation = NoisyImages(dataset.validation_images, dataset.validation_labels, Purpose.VALIDATION_NOISE)
    del dataset
    stack = Stack(config, 1, training, validation, classes=10, xla=False)
    stack.start(SEED, [SCALE])
    results = epochs(stack, stop=lambda: False)
    return lambda: next(results)


def jax_trainer(precision: str) -> Epoch:
    """Return a function that trains and validates one epoch with JAX (d)."""
    config = TrainingConfig.model_validate({"precision": precision})
    return jax_training.training(config, data.load(), SEED, SCALE)


def tensorflow_products(precision: str) -> Epoch:
    """Return a function that computes the matrix products of one epoch with TensorFlow (c), eight per step."""
    prepare(CPU)
    config = TrainingConfig.model_validate({"precision": precision})
    compute, steps = products.tensorflow_products(config, PIXELS), step_count(config)
    return lambda: compute(steps)


def numpy_products(precision: str) -> Epoch:
    """Return a function that computes the matrix products of one epoch with NumPy (c)."""
    assert precision == "float32"  # noqa: S101 - NumPy has no bfloat16
    draws, config = np.random.default_rng(0), TrainingConfig()
    operands = [
        (draws.standard_normal(left, dtype=np.float32), draws.standard_normal(right, dtype=np.float32))
        for left, right in products.product_shapes(config, PIXELS)
    ]
    steps = step_count(config)

    def epoch() -> None:
        for _ in range(steps):
            for left, right in operands:
                left @ right

    return epoch


def step_count(config: TrainingConfig) -> int:
    """Return the number of steps of an epoch. The last minibatch counts as a whole one."""
    return -(-len(data.load().training_images) // config.batch_size)


CNN = ConvolutionalNetwork(kind="cnn")
CONTENDERS: dict[str, tuple[Callable[[str], Epoch], str, bool]] = {
    "a Keras fit": (keras_fit, "float32", False),
    "b trainer, float32": (trainer, "float32", True),
    "b trainer, mixed_bfloat16": (trainer, "mixed_bfloat16", True),
    "c products, TensorFlow float32": (tensorflow_products, "float32", True),
    "c products, TensorFlow bfloat16": (tensorflow_products, "mixed_bfloat16", True),
    "c products, NumPy float32": (numpy_products, "float32", True),
}
CNN_CONTENDERS: dict[str, tuple[Callable[[str], Epoch], str, bool]] = {
    "a Keras fit, CNN": (partial(keras_fit, network=CNN), "float32", False),
    "b trainer, CNN, float32": (partial(trainer, network=CNN), "float32", True),
    "b trainer, CNN, mixed_bfloat16": (partial(trainer, network=CNN), "mixed_bfloat16", True),
    "b trainer, float32": CONTENDERS["b trainer, float32"],
}
if jax_training.is_installed():
    CONTENDERS["d JAX, float32"] = (jax_trainer, "float32", True)
    CONTENDERS["d JAX, mixed_bfloat16"] = (jax_trainer, "mixed_bfloat16", True)


# Pairs of contenders whose times are divided.
RATIOS = {
    "a/b float32": ("a Keras fit", "b trainer, float32"),
    "a/b mixed_bfloat16": ("a Keras fit", "b trainer, mixed_bfloat16"),
    "b/c float32, TensorFlow": ("b trainer, float32", "c products, TensorFlow float32"),
    "b/c bfloat16, TensorFlow": ("b trainer, mixed_bfloat16", "c products, TensorFlow bfloat16"),
    "b/c float32, NumPy": ("b trainer, float32", "c products, NumPy float32"),
    "d/b float32": ("d JAX, float32", "b trainer, float32"),
    "d/b mixed_bfloat16": ("d JAX, mixed_bfloat16", "b trainer, mixed_bfloat16"),
    "b CNN / b, float32": ("b trainer, CNN, float32", "b trainer, float32"),
    "a/b CNN, float32": ("a Keras fit, CNN", "b trainer, CNN, float32"),
    "a/b CNN, mixed_bfloat16": ("a Keras fit, CNN", "b trainer, CNN, mixed_bfloat16"),
}


def serve(contender: str, connection: Connection) -> None:
    """Build a contender, then run an epoch for each message and reply with (seconds, peak memory in bytes)."""
    build, precision, _ = (CONTENDERS | CNN_CONTENDERS)[contender]
    epoch = build(precision)
    epoch()  # compiles the graph and warms the caches
    connection.send("ready")
    while connection.recv():
        begun = time.perf_counter()
        epoch()
        connection.send((time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024))


class ContenderProcesses:
    """Processes of one contender: one per core if it is single-threaded, otherwise one."""

    def __init__(self, contender: str) -> None:
        context = multiprocessing.get_context("spawn")
        single_threaded = (CONTENDERS | CNN_CONTENDERS)[contender][2]
        os.environ["OPENBLAS_NUM_THREADS"] = "1" if single_threaded else str(usable_cores())
        self._connections = []
        for _ in range(usable_cores() if single_threaded else 1):
            ours, theirs = context.Pipe()
            context.Process(target=serve, args=(contender, theirs), daemon=True).start()
            self._connections.append(ours)
        for connection in self._connections:
            assert connection.recv() == "ready"  # noqa: S101 - otherwise it has failed and printed a traceback

    def epoch(self) -> tuple[float, float]:
        """Run an epoch in all processes. Return the seconds per run and epoch, and the largest peak memory in bytes."""
        for connection in self._connections:
            connection.send(True)  # noqa: FBT003 - run an epoch
        answers = [connection.recv() for connection in self._connections]
        return max(seconds for seconds, _ in answers) / len(answers), max(memory for _, memory in answers)

    def close(self) -> None:
        """End the processes."""
        for connection in self._connections:
            connection.send(False)  # noqa: FBT003 - stop


def main() -> None:
    """Run the training benchmark, print a table and write the results as JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench.training", description=main.__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--out", type=Path, default=Path("bench-training.json"))
    parser.add_argument(
        "--cnn",
        action="store_true",
        help="measure (a) and (b) with the default convolutional network",
    )
    arguments = parser.parse_args()

    name, chosen = data.load().name, CNN_CONTENDERS if arguments.cnn else CONTENDERS
    contenders = {contender: ContenderProcesses(contender) for contender in chosen}
    measured: dict[str, list[tuple[float, float]]] = {contender: [] for contender in chosen}
    for _ in range(arguments.rounds):
        for contender, processes in contenders.items():
            measured[contender].append(processes.epoch())
    for processes in contenders.values():
        processes.close()
    seconds = {contender: median(pair[0] for pair in pairs) for contender, pairs in measured.items()}
    memory = {contender: max(pair[1] for pair in pairs) for contender, pairs in measured.items()}

    print(f"{name}, {usable_cores()} cores, {arguments.rounds} rounds: seconds per run and epoch, medians")
    for contender in chosen:
        spread = [pair[0] for pair in measured[contender]]
        print(
            f"  {contender:32} {seconds[contender]:6.3f}  ({min(spread):.3f} to {max(spread):.3f})"
            f"  peak {memory[contender] / 1e9:.2f} GB"
        )
    ratios = {
        name: seconds[above] / seconds[below]
        for name, (above, below) in RATIOS.items()
        if above in seconds and below in seconds
    }
    if not (arguments.cnn or jax_training.is_installed()):
        print("  d JAX is not installed, so it was left out. To include it: pip install 'noisesweep[bench]'")
    for ratio, value in ratios.items():
        print(f"  {ratio:32} {value:6.2f}")
    report = {"dataset": name, "cores": usable_cores(), "seconds": seconds, "memory_bytes": memory, "ratios": ratios}
    arguments.out.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
