"""Check that networks do not memorize the noise of `resample`, which is cut from a buffer.

For each scale and seed, one network trains on noise from the buffer, and another on noise drawn in each step. The
report contains means over the seeds with 95 % intervals:

    with the buffer, with drawn noise    validation accuracies of the two networks, and their difference
    on the buffer                        accuracy of the first network on validation images with noise from the buffer,
                                         minus its accuracy with new noise: the mean and the largest value of all
                                         alignments of the buffer with the pixels

A network that has memorized the buffer is better on the buffer than on new noise.

Run it with `python -m bench.resample`. A seed takes about four minutes.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from bench import data
from noisesweep.models import TrainingConfig
from shared.noise import Purpose
from worker.devices import Device, DeviceKind, prepare

SCALES = [1.0, 2.0]
NEW_NOISES = 10


def train(epochs: int, seeds: int) -> tuple[str, dict[str, NDArray[np.float64]]]:
    """Return the name of the data set, and the figures of the report as arrays (seeds, scales)."""
    import tensorflow as tf  # noqa: PLC0415 - after `prepare`

    from worker.trainer.images import ALIGNMENT, NoiseBuffer, NoisyImages  # noqa: PLC0415 - as above
    from worker.trainer.stack import Stack  # noqa: PLC0415 - as above

    class DrawnNoise(NoiseBuffer):
        def noise(self, images: int, offsets: tf.Tensor) -> tf.Tensor:
            return tf.random.stateless_normal([images, pixels], offsets)

    dataset = data.load()
    training = NoisyImages(dataset.training_images, dataset.training_labels, Purpose.TRAINING_NOISE)
    validation = NoisyImages(dataset.validation_images, dataset.validation_labels, Purpose.VALIDATION_NOISE)
    images, pixels = validation.images.shape
    config = TrainingConfig(dataset=dataset.name, epochs=epochs, resample=True)
    stack, drawn = (Stack(config, len(SCALES), training, validation, classes=10, xla=False) for _ in range(2))
    drawn.noise_buffer = DrawnNoise(config.batch_size, pixels)

    def accuracy_on(noise: NDArray[np.float32]) -> NDArray[np.float64]:
        validation.noise.assign(noise)
        return stack.evaluate(SCALES).accuracy

    figures: dict[str, list[NDArray[np.float64]]] = {}
    for seed in range(seeds):
        for name, trained in (("with the buffer", stack), ("with drawn noise", drawn)):
            trained.start(seed, SCALES)
            while trained.epoch < epochs:
                trained.train(trained.steps)
                trained.next_epoch()
            figures.setdefault(name, []).append(trained.validation_metrics()[1])
        own_noise = validation.noise.numpy()
        numbers, size = stack.noise_buffer.numbers.numpy(), images * pixels  # type: ignore[union-attr] # resample is set
        draws = np.random.default_rng(seed)
        new = [accuracy_on(draws.standard_normal((images, pixels), dtype=np.float32)) for _ in range(NEW_NOISES)]
        on_buffer = []
        for first in range(0, int(np.lcm(pixels, ALIGNMENT)), ALIGNMENT):
            second = ALIGNMENT * draws.integers((len(numbers) - size) // ALIGNMENT)
            noise = (numbers[first : first + size] + numbers[second : second + size]) / np.sqrt(np.float32(2))
            on_buffer.append(accuracy_on(noise.reshape(images, pixels)))
        figures.setdefault("on the buffer, mean", []).append(np.mean(on_buffer, axis=0) - np.mean(new, axis=0))
        figures.setdefault("on the buffer, largest", []).append(np.max(on_buffer, axis=0) - np.mean(new, axis=0))
        figures.setdefault("on new noise, largest", []).append(np.max(new, axis=0) - np.mean(new, axis=0))
        validation.noise.assign(own_noise)
        print(
            f"seed {seed}: " + ", ".join(f"{name} {values[-1].round(4)}" for name, values in figures.items()),
            flush=True,
        )
    return dataset.name, {name: np.array(values) for name, values in figures.items()}


def main() -> None:
    """Train, print the figures and write them as JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench.resample", description=main.__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--out", type=Path, default=Path("bench-resample.json"))
    arguments = parser.parse_args()
    prepare(Device(DeviceKind.CPU, processes=1, stack=len(SCALES), xla=False, reason="benchmark"))
    name, figures = train(arguments.epochs, arguments.seeds)
    figures["with the buffer - with drawn noise"] = figures["with the buffer"] - figures["with drawn noise"]
    quantile = stats.t.ppf(0.975, arguments.seeds - 1)
    print(f"{name}, {arguments.epochs} epochs, {arguments.seeds} seeds: means with 95 % intervals at scales {SCALES}")
    for figure, values in figures.items():
        half = quantile * values.std(axis=0, ddof=1) / np.sqrt(arguments.seeds)
        cells = "   ".join(f"{mean:+.4f} +- {width:.4f}" for mean, width in zip(values.mean(axis=0), half, strict=True))
        print(f"  {figure:36} {cells}")
    report = {"dataset": name, "scales": SCALES, "figures": {key: values.tolist() for key, values in figures.items()}}
    arguments.out.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
