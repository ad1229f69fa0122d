"""Where the time of a run goes: its start, and the parts of a step, on one core. Run it by `make bench-parts`."""

import time
from collections.abc import Callable
from statistics import median

import tensorflow as tf

from bench import data
from bench.training import CPU, SEED, tensorflow_products
from noisesweep.models import TrainingConfig
from shared.noise import Purpose
from worker.devices import prepare
from worker.trainer.images import NoisyImages
from worker.trainer.network import rmsprop
from worker.trainer.stack import Stack

STEPS = 200
ROUNDS = 9


def timed(work: Callable[[], object]) -> float:
    """Seconds that the work takes."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def report(what: str, seconds: float, note: str = "") -> None:
    """Print a line."""
    print(f"  {what:58} {seconds * 1e3:8.3f} ms {note}")


def starts(training: NoisyImages, validation: NoisyImages) -> Stack:
    """Print what a process does between a claim and the end of its first step; return the stack, ready."""
    images = len(training) + len(validation)
    report(f"noise for {images:,} images", timed(lambda: training.draw(SEED)) + timed(lambda: validation.draw(SEED)))
    stack = Stack(TrainingConfig(), 1, training, validation, xla=False)

    def first_step(seed: int, scale: float) -> Callable[[], None]:
        def work() -> None:
            stack.start(seed, [scale])
            stack.train(1)

        return work

    report("to the first step, the process's first of a config", timed(first_step(SEED, 0.5)))
    report("to the first step, another seed", timed(first_step(SEED + 1, 0.5)))
    report("to the first step, another scale of the same seed", timed(first_step(SEED + 1, 1.0)))
    return stack


def optimizer(stack: Stack) -> Callable[[], object]:
    """STEPS updates of a stack's weights, and nothing else."""
    gradients = [tf.Variable(tf.random.normal(weight.shape)) for weight in stack.weights]

    @tf.function  # type: ignore[untyped-decorator]
    def updates(count: tf.Tensor) -> None:
        for _ in tf.range(count):
            read = [gradient.read_value() for gradient in gradients]
            rmsprop(stack.weights, stack.mean_squares, stack.momenta, read, stack.config.learning_rate)

    return lambda: updates(tf.constant(STEPS))


def minibatches(stack: Stack) -> Callable[[], object]:
    """STEPS minibatches made from images and noise, and nothing else."""
    rows = tf.range(stack.config.batch_size)

    @tf.function  # type: ignore[untyped-decorator]
    def made(count: tf.Tensor) -> tf.Tensor:
        total = tf.zeros([])
        for step in tf.range(count):
            images, _ = stack.training.minibatch(rows + step * len(rows), stack.training_scales)
            total += images[0, 0, 0]
        return total

    return lambda: made(tf.constant(STEPS)).numpy()


def training_steps(stack: Stack) -> Callable[[], object]:
    """STEPS whole steps."""

    def work() -> None:
        stack.step = 0
        stack.train(STEPS)

    return work


def steps(stack: Stack) -> None:
    """Print the parts of a step, each measured alone in a loop of its own, interleaved with the others."""
    without_dropout = Stack(TrainingConfig(dropout=0.0), 1, stack.training, stack.validation, xla=False)
    without_dropout.start(SEED, [0.5])
    parts = {
        "a whole step": (training_steps(stack), STEPS),
        "a step without dropout": (training_steps(without_dropout), STEPS),
        "products": (tensorflow_products("float32"), stack.steps),
        "optimizer": (optimizer(stack), STEPS),
        "minibatch": (minibatches(stack), STEPS),
    }
    measured: dict[str, list[float]] = {part: [] for part in parts}
    for _ in range(ROUNDS):
        for part, (work, count) in parts.items():
            measured[part].append(timed(work) / count)
    seconds = {part: median(values) for part, values in measured.items()}
    whole = seconds.pop("a whole step")
    seconds["dropout: random bits, masks, applying them both ways"] = whole - seconds.pop("a step without dropout")
    seconds["rest: biases, ReLU, softmax, sums, dispatch"] = whole - sum(seconds.values())
    report("a whole step", whole)
    for part, value in seconds.items():
        report(f"  {part}", value, f"{value / whole:5.0%}")


def main() -> None:
    """Measure and print."""
    prepare(CPU)
    dataset = data.load()
    training = NoisyImages(dataset.training_images, dataset.training_labels, Purpose.TRAINING_NOISE)
    validation = NoisyImages(dataset.validation_images, dataset.validation_labels, Purpose.VALIDATION_NOISE)
    print(f"{dataset.name}, float32, one core")
    steps(starts(training, validation))


if __name__ == "__main__":
    main()
