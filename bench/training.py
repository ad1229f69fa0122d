"""Speed of the trainer: seconds per run and epoch with all cores busy, against Keras and against the floor.

    a  the notebook's way: Keras `fit` on NumPy arrays, one process, all cores
    b  this trainer: one single-threaded process per core, each with a run of its own
    c  the floor: the matrix products of (b)'s steps and nothing else, one single-threaded process per core; through
       TensorFlow (oneDNN), which is what (b) multiplies with, and through NumPy (OpenBLAS)

Every contender trains one epoch in turn, round after round, so that the machine's drift meets all of them alike; the
report gives medians and their ratios. Run it by `make bench`.
"""

import argparse
import json
import multiprocessing
import os
import resource
import time
from collections.abc import Callable
from itertools import pairwise
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median

import numpy as np

from bench import data
from noisesweep.models import TrainingConfig
from shared.datasets import to_pixels
from shared.noise import Purpose, add_noise, base_noise
from worker.devices import Device, DeviceKind, prepare, usable_cores

SEED, SCALE = 0, 0.5
# One core of a host without a GPU, as a training process sees it.
CPU = Device(DeviceKind.CPU, processes=1, stack=1, xla=False, reason="benchmark")
Epoch = Callable[[], object]


def keras_fit(precision: str) -> Epoch:
    """Train and validate as in the notebook (a)."""
    os.environ["KERAS_BACKEND"] = "tensorflow"
    from worker.trainer.keras_export import build_model  # noqa: PLC0415 - each contender imports what it measures

    assert precision == "float32"  # noqa: S101 - the notebook knew no other
    dataset, config = data.load(), TrainingConfig()
    clean, clean_validation = to_pixels(dataset.training_images), to_pixels(dataset.validation_images)
    images = add_noise(clean, SCALE, base_noise(SEED, Purpose.TRAINING_NOISE, clean.shape))
    validation = add_noise(clean_validation, SCALE, base_noise(SEED, Purpose.VALIDATION_NOISE, clean_validation.shape))
    model = build_model(config, pixels=images.shape[1])
    return lambda: model.fit(
        images,
        dataset.training_labels,
        batch_size=config.batch_size,
        validation_data=(validation, dataset.validation_labels),
        verbose=0,
    )


def trainer(precision: str) -> Epoch:
    """Train and validate (b)."""
    prepare(CPU)
    from worker.trainer.images import NoisyImages  # noqa: PLC0415 - as above
    from worker.trainer.loop import epochs  # noqa: PLC0415
    from worker.trainer.stack import Stack  # noqa: PLC0415 - as above

    dataset = data.load()
    config = TrainingConfig.model_validate({"precision": precision, "epochs": 200})
    training = NoisyImages(dataset.training_images, dataset.training_labels, Purpose.TRAINING_NOISE)
    validation = NoisyImages(dataset.validation_images, dataset.validation_labels, Purpose.VALIDATION_NOISE)
    del dataset
    stack = Stack(config, 1, training, validation, xla=False)
    stack.start(SEED, [SCALE])
    results = epochs(stack, stop=lambda: False)
    return lambda: next(results)


def tensorflow_products(precision: str) -> Epoch:
    """Run (c) through TensorFlow: eight products a step, forwards and backwards, on prepared operands."""
    prepare(CPU)
    import tensorflow as tf  # noqa: PLC0415 - as above

    dtype = tf.bfloat16 if precision == "mixed_bfloat16" else tf.float32
    products = [
        tuple(tf.Variable(tf.cast(tf.random.normal([1, *shape]), dtype)) for shape in (left, right))
        for left, right in product_shapes()
    ]

    @tf.function  # type: ignore[untyped-decorator]
    def steps(count: tf.Tensor) -> tf.Tensor:
        total = tf.zeros([], dtype)
        for _ in tf.range(count):
            for left, right in products:
                # Read in turn, so that no product is moved out of the loop, and summed, so that none is left out.
                with tf.control_dependencies([total]):
                    total += tf.matmul(left.read_value(), right.read_value())[0, 0, 0]
        return total

    count = tf.constant(-(-len(data.load().training_images) // TrainingConfig().batch_size))
    return lambda: steps(count).numpy()


def numpy_products(precision: str) -> Epoch:
    """Run (c) through NumPy, float32 only."""
    assert precision == "float32"  # noqa: S101 - NumPy has no other
    draws = np.random.default_rng(0)
    products = [
        (draws.standard_normal(left, dtype=np.float32), draws.standard_normal(right, dtype=np.float32))
        for left, right in product_shapes()
    ]
    steps = -(-len(data.load().training_images) // TrainingConfig().batch_size)

    def epoch() -> None:
        for _ in range(steps):
            for left, right in products:
                left @ right

    return epoch


def product_shapes() -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """The operands of a step's products for the default config: outputs, weights' gradients, inputs' gradients."""
    config = TrainingConfig()
    batch, sizes = config.batch_size, [784, *config.hidden_units, 10]
    shapes = []
    for layer, (inputs, units) in enumerate(pairwise(sizes)):
        shapes += [((batch, inputs), (inputs, units)), ((inputs, batch), (batch, units))]
        if layer:  # nothing asks for the gradient of the images
            shapes.append(((batch, units), (units, inputs)))
    return shapes


CONTENDERS: dict[str, tuple[Callable[[str], Epoch], str, bool]] = {
    "a Keras fit": (keras_fit, "float32", False),
    "b trainer, float32": (trainer, "float32", True),
    "b trainer, mixed_bfloat16": (trainer, "mixed_bfloat16", True),
    "c products, TensorFlow float32": (tensorflow_products, "float32", True),
    "c products, TensorFlow bfloat16": (tensorflow_products, "mixed_bfloat16", True),
    "c products, NumPy float32": (numpy_products, "float32", True),
}


def serve(contender: str, connection: Connection) -> None:
    """Run a contender: build, then train an epoch for every message and answer with (seconds, peak memory)."""
    build, precision, _ = CONTENDERS[contender]
    epoch = build(precision)
    epoch()  # traces, and warms the caches
    connection.send("ready")
    while connection.recv():
        begun = time.perf_counter()
        epoch()
        connection.send((time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024))


class Contestants:
    """The processes of one contender: one per core if each uses one, else one for all."""

    def __init__(self, contender: str) -> None:
        context = multiprocessing.get_context("spawn")
        single_threaded = CONTENDERS[contender][2]
        os.environ["OPENBLAS_NUM_THREADS"] = "1" if single_threaded else str(usable_cores())
        self._connections = []
        for _ in range(usable_cores() if single_threaded else 1):
            ours, theirs = context.Pipe()
            context.Process(target=serve, args=(contender, theirs), daemon=True).start()
            self._connections.append(ours)
        for connection in self._connections:
            assert connection.recv() == "ready"  # noqa: S101 - else it died, and said why

    def epoch(self) -> tuple[float, float]:
        """Let all train an epoch side by side; seconds per run and epoch, and the largest peak memory in bytes."""
        for connection in self._connections:
            connection.send(True)  # noqa: FBT003 - go on
        answers = [connection.recv() for connection in self._connections]
        return max(seconds for seconds, _ in answers) / len(answers), max(memory for _, memory in answers)

    def close(self) -> None:
        """Let the processes end."""
        for connection in self._connections:
            connection.send(False)  # noqa: FBT003 - stop


def main() -> None:
    """Measure, print the table, write the JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench.training", description=main.__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--out", type=Path, default=Path("bench-training.json"))
    arguments = parser.parse_args()

    name = data.load().name
    contestants = {contender: Contestants(contender) for contender in CONTENDERS}
    measured: dict[str, list[tuple[float, float]]] = {contender: [] for contender in CONTENDERS}
    for _ in range(arguments.rounds):
        for contender, processes in contestants.items():
            measured[contender].append(processes.epoch())
    for processes in contestants.values():
        processes.close()
    seconds = {contender: median(pair[0] for pair in pairs) for contender, pairs in measured.items()}
    memory = {contender: max(pair[1] for pair in pairs) for contender, pairs in measured.items()}

    print(f"{name}, {usable_cores()} cores, {arguments.rounds} rounds: seconds per run and epoch, medians")
    for contender in CONTENDERS:
        spread = [pair[0] for pair in measured[contender]]
        print(
            f"  {contender:32} {seconds[contender]:6.3f}  ({min(spread):.3f} to {max(spread):.3f})"
            f"  peak {memory[contender] / 1e9:.2f} GB"
        )
    ratios = {
        "a/b float32": seconds["a Keras fit"] / seconds["b trainer, float32"],
        "a/b mixed_bfloat16": seconds["a Keras fit"] / seconds["b trainer, mixed_bfloat16"],
        "b/c float32, TensorFlow": seconds["b trainer, float32"] / seconds["c products, TensorFlow float32"],
        "b/c bfloat16, TensorFlow": seconds["b trainer, mixed_bfloat16"] / seconds["c products, TensorFlow bfloat16"],
        "b/c float32, NumPy": seconds["b trainer, float32"] / seconds["c products, NumPy float32"],
    }
    for ratio, value in ratios.items():
        print(f"  {ratio:32} {value:6.2f}")
    report = {"dataset": name, "cores": usable_cores(), "seconds": seconds, "memory_bytes": memory, "ratios": ratios}
    arguments.out.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
