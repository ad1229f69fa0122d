"""Time of the parts of a training step, measured by leaving them out, in milliseconds per step.

The trainer's own program is traced with some of its functions replaced: dropout masks or minibatches that are
constant, or an optimizer that leaves the kernels as they are. The gradients of the kernels are still computed. The last
row contains only the matrix products. The difference between the first row and another is the time of what that one
leaves out.

One single-threaded process on one core measures all rows in turn, so that changes in the speed of the machine affect
all of them. The table contains minima over the rounds, of CPU time, so that other processes matter less. Run it with
`make bench-parts` on a computer with a CPU like that of the workers.
"""

import argparse
import logging
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from bench import data
from bench.products import tensorflow_products
from bench.report import print_table, write_json
from noisesweep.models import Precision, TrainingConfig
from shared.noise import Purpose
from worker.devices import Device, DeviceKind, prepare

if TYPE_CHECKING:
    from worker.trainer.images import NoisyImages

SEED, SCALE = 0, 0.5
MASKS, MINIBATCH, UPDATE = "dropout masks", "minibatch", "update of the kernels"
# Parts that a row of the table leaves out, by the name of the row.
VARIANTS = {
    "step": (),
    "constant dropout masks": (MASKS,),
    "constant minibatch": (MINIBATCH,),
    "without update of the kernels": (UPDATE,),
    "without all three": (MASKS, MINIBATCH, UPDATE),
}
PRODUCTS = "matrix products alone"
# Trains or computes a number of steps.
Steps = Callable[[int], object]


def constant(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that returns, as constants of the program, the function's results for zeros."""
    import tensorflow as tf  # noqa: PLC0415 - after `prepare`

    def zeros(argument: Any) -> Any:  # noqa: ANN401 - any argument
        return tf.zeros(argument.shape, argument.dtype) if tf.is_symbolic_tensor(argument) else argument

    def replacement(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - any function
        with tf.init_scope():
            return function(*map(zeros, arguments), **{name: zeros(value) for name, value in options.items()})

    return replacement


def without_kernels(update: Callable[..., None]) -> Callable[..., None]:
    """Return an optimizer that updates only the biases, after all gradients have been computed."""
    import tensorflow as tf  # noqa: PLC0415 - after `prepare`

    def replacement(*arguments: Any, **options: Any) -> None:  # noqa: ANN401 - lists by weight, and settings
        lists = [argument for argument in arguments if isinstance(argument, Sequence)]
        gradients = next(each for each in lists if tf.is_symbolic_tensor(each[0]))
        with tf.control_dependencies(gradients[::2]):  # otherwise TensorFlow removes their products
            update(*(part[1::2] if isinstance(part, Sequence) else part for part in arguments), **options)

    return replacement


@contextmanager
def left_out(parts: Sequence[str]) -> Iterator[None]:
    """Replace the functions of these parts in programs that are traced in the `with` block."""
    from worker.trainer import network  # noqa: PLC0415 - after `prepare`
    from worker.trainer.images import Minibatch, NoisyImages  # noqa: PLC0415

    replacements: dict[str, list[tuple[object, str, Callable[..., Callable[..., Any]]]]] = {
        MASKS: [(network, "dropout_masks", constant)],
        MINIBATCH: [(NoisyImages, "gather", constant), (Minibatch, "noisy", constant)],
        UPDATE: [(network, "rmsprop", without_kernels)],
    }
    with ExitStack() as stack:
        for owner, name, replace in (replacement for part in parts for replacement in replacements[part]):
            stack.enter_context(patch.object(owner, name, replace(getattr(owner, name))))
        yield


def train_without(parts: Sequence[str], config: TrainingConfig, images: Sequence["NoisyImages"], steps: int) -> Steps:
    """Return a function that trains up to that many steps, without these parts and with whole minibatches only."""
    from worker.trainer.stack import Stack  # noqa: PLC0415 - after `prepare`

    training, validation = images
    whole = len(training) // config.batch_size
    with left_out(parts):
        stack = Stack(config, 1, training, validation, classes=10, xla=False)
        stack.start(SEED, [SCALE])
        stack.train(min(steps, whole))

    def train(steps: int) -> None:
        if stack.step + steps > whole:
            stack.next_epoch()
        stack.train(min(steps, whole))

    return train


def variants(precision: Precision, steps: int) -> dict[str, Steps]:
    """Return the programs of all rows of a precision, by row."""
    from worker.trainer.images import NoisyImages  # noqa: PLC0415 - after `prepare`

    dataset, config = data.load(), TrainingConfig(precision=precision)
    images = (
        NoisyImages(dataset.training_images, dataset.training_labels, Purpose.TRAINING_NOISE),
        # The validation images are not used.
        NoisyImages(dataset.validation_images[:1], dataset.validation_labels[:1], Purpose.VALIDATION_NOISE),
    )
    programs = {name: train_without(parts, config, images, steps) for name, parts in VARIANTS.items()}
    programs[PRODUCTS] = tensorflow_products(config, images[0].images.shape[-1])
    programs[PRODUCTS](1)
    return programs


def measure(programs: dict[str, Steps], rounds: int, steps: int) -> dict[str, float]:
    """Return the smallest CPU time of a step of each program, in milliseconds, over rounds in which they take turns."""
    smallest = dict.fromkeys(programs, float("inf"))
    for _ in range(rounds):
        for name, run in programs.items():
            begun = time.process_time()
            run(steps)
            smallest[name] = min(smallest[name], (time.process_time() - begun) / steps * 1000)
    return smallest


def main() -> None:
    """Measure the parts of a training step, print a table and write the results as JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench.parts", description=main.__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--steps", type=int, default=60, help="steps of a program in each round")
    parser.add_argument("--out", type=Path, default=Path("bench-parts.json"))
    arguments = parser.parse_args()

    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    prepare(Device(DeviceKind.CPU, processes=1, stack=1, xla=False, reason="benchmark"))
    logging.getLogger("tensorflow").setLevel(logging.ERROR)  # it warns about five programs of one function
    name, config = data.load().name, TrainingConfig()
    steps = min(arguments.steps, len(data.load().training_images) // config.batch_size)
    milliseconds = {
        precision.value: measure(variants(precision, steps), arguments.rounds, steps) for precision in Precision
    }
    rows = [
        {"step": variant} | {precision: times[variant] for precision, times in milliseconds.items()}
        for variant in [*VARIANTS, PRODUCTS]
    ]
    print_table(f"{name}, one core: ms per step, minima of {arguments.rounds} rounds of {steps} steps", rows)
    write_json(arguments.out, {"dataset": name, "steps": steps, "milliseconds": milliseconds})


if __name__ == "__main__":
    main()
