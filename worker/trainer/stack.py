"""K runs of one seed, trained side by side as one TensorFlow program.

The runs differ only in their noise scale. The device stores clean images C and standard normal noise N, and each step
computes its minibatch as x = C + scale * N. One call trains a chunk of steps, which keeps the overhead of Python small.
The letters in shapes are defined in worker/trainer/network.py.
"""

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from noisesweep.models import TrainingConfig
from shared.datasets import CLASSES
from shared.noise import Purpose, generator
from worker.trainer import network
from worker.trainer.images import NoisyImages
from worker.trainer.network import Float64Array
from worker.trainer.state import Array, RunState

# Images per evaluation batch: large enough for fast matrix products, small enough for CPU caches. Results do not
# depend on it.
EVALUATION_BATCH = 1000

T = TypeVar("T")


class Draws(NamedTuple):
    """Random draws of an epoch.

    Attributes:
        order: int32, (n,): indices of the training images in training order.
        dropout_keys: int32, (steps, 2): the key of each step's dropout masks.
        noise_keys: int32, (steps, 2): the key of each step's training noise, used if the config resamples noise.
    """

    order: tf.Tensor
    dropout_keys: tf.Tensor
    noise_keys: tf.Tensor


class Stack:
    """Variables of K runs, their current epoch and step, and the traced functions that train and evaluate them.

    The program is traced once for a config, a number of runs and a data set. `start` reuses it for other runs.

    Attributes:
        epoch: Current epoch, from 0.
        step: Completed steps of this epoch, 0 to `steps`.
        steps: Steps per epoch; the last minibatch may be smaller.
        draws: Random draws of this epoch.
        weights: Kernel (K, inputs, U) and bias (K, U) of each layer, float32.
        mean_squares: RMSprop's running mean of each weight's squared gradient, in the same shapes.
        loss_sum: Sum of the losses of this epoch so far, (K,).
        correct: Number of images classified correctly in this epoch so far, (K,).
    """

    def __init__(
        self, config: TrainingConfig, runs: int, training: NoisyImages, validation: NoisyImages, *, xla: bool
    ) -> None:
        self.config, self.runs = config, runs
        self.training, self.validation = training, validation
        self.pixels: int = training.images.shape[1]
        self.steps = -(-len(training) // config.batch_size)
        # With K = 1, XLA compiles a batched matrix product into a different one that rounds differently, which changed
        # the metrics of an epoch by 0.006. A single run therefore trains with a second, unused network, so that
        # it gets the same bits as in a larger stack.
        self._networks = max(runs, 2) if xla else runs
        self.training_scales = tf.Variable(tf.zeros(self._networks))
        shapes = [weight.shape for weight in network.initial_weights(config, self.pixels, seed=0)]
        self.weights, self.mean_squares, self.momenta = (
            [tf.Variable(tf.zeros([self._networks, *shape])) for shape in shapes] for _ in range(3)
        )
        self.loss_sum, self.correct = (tf.Variable(tf.zeros(self._networks)) for _ in range(2))
        self._train = tf.function(self._train_steps, jit_compile=xla)
        self._evaluate = tf.function(self._evaluate_batches, jit_compile=xla)

    def start(self, seed: int, scales: Sequence[float], states: Sequence[RunState] | None = None) -> None:
        """Start K new runs of a seed, or continue from `states`, which must all have the same epoch and step."""
        self.seed = seed
        if not self.config.resample:
            self.training.draw(seed)
        self.validation.draw(seed)
        if states is None:
            initial = network.initial_weights(self.config, self.pixels, seed)
            zeros = [np.zeros_like(weight) for weight in initial]
            states = [RunState(0, 0, initial, zeros, np.float32(0), np.float32(0))] * len(scales)
        self._validation_scales = [self.config.validation_scale(scale) for scale in scales]
        self.training_scales.assign(self._for_networks([self.config.training_scale(scale) for scale in scales]))
        states = self._for_networks(states)
        for index, (weight, mean_square) in enumerate(zip(self.weights, self.mean_squares, strict=True)):
            weight.assign(np.stack([state.weights[index] for state in states]))
            mean_square.assign(np.stack([state.mean_squares[index] for state in states]))
        self._begin_epoch(states[0].epoch)
        self.step = states[0].step
        self.loss_sum.assign([state.loss_sum for state in states])
        self.correct.assign([state.correct for state in states])

    def _for_networks(self, of_runs: Sequence[T]) -> list[T]:
        """Return one entry per network: that of its run, or that of the first run for the unused network."""
        return [*of_runs, *of_runs[: self._networks - self.runs]]

    def state(self, run: int) -> RunState:
        """Return the state of the run at this index of the stack."""
        return RunState(
            epoch=self.epoch,
            step=self.step,
            weights=[weight[run].numpy() for weight in self.weights],
            mean_squares=[mean_square[run].numpy() for mean_square in self.mean_squares],
            loss_sum=self.loss_sum[run].numpy(),
            correct=self.correct[run].numpy(),
        )

    def next_epoch(self) -> None:
        """Advance to the next epoch: make new random draws and reset the sums."""
        self._begin_epoch(self.epoch + 1)

    def _begin_epoch(self, epoch: int) -> None:
        self.epoch, self.step = epoch, 0
        order = generator(self.seed, Purpose.SHUFFLE, epoch).permutation(len(self.training))
        dropout_keys, noise_keys = self._keys(Purpose.DROPOUT), self._keys(Purpose.RESAMPLED_NOISE)
        self.draws = Draws(tf.constant(order, tf.int32), dropout_keys, noise_keys)
        self.loss_sum.assign(tf.zeros_like(self.loss_sum))
        self.correct.assign(tf.zeros_like(self.correct))

    def _keys(self, purpose: Purpose) -> tf.Tensor:
        """Return a key of two integers for each step, (steps, 2). It depends only on seed, purpose and epoch."""
        keys = generator(self.seed, purpose, self.epoch).integers(2**31, size=(self.steps, 2))
        return tf.constant(keys, tf.int32)

    def train(self, steps: int) -> None:
        """Train up to `steps` steps, at most to the end of this epoch, and wait until the device has finished."""
        first, last = self.step, min(self.step + steps, self.steps)
        whole, rest = divmod(len(self.training), self.config.batch_size)
        if first < whole:
            self._train(tf.constant(first), tf.constant(min(last, whole)), self.config.batch_size, self.draws)
        if last > whole:
            self._train(tf.constant(whole), tf.constant(last), rest, self.draws)
        self.correct.numpy()  # waits for the device
        self.step = last

    def training_metrics(self) -> tuple[Array, Float64Array]:
        """Return mean loss (nats) and accuracy over this epoch so far, each (K,), measured with dropout."""
        images = min(self.step * self.config.batch_size, len(self.training))
        return self.loss_sum.numpy()[: self.runs] / images, self.correct.numpy()[: self.runs].astype(float) / images

    def validation_metrics(self) -> tuple[Array, Float64Array]:
        """Return mean loss (nats) and accuracy on the validation images at each run's validation scale, each (K,)."""
        loss, confusion = self.evaluate(self._validation_scales)
        return loss, network.accuracy_of(confusion)

    def evaluate(self, scales: Sequence[float]) -> tuple[Array, NDArray[np.int64]]:
        """Evaluate the networks on the validation images without dropout, network k at noise scale `scales[k]`.

        Returns:
            Mean loss (nats), (K,), and the number of images by true and predicted class, (K, 10, 10).
        """
        noise_scales = tf.constant(self._for_networks(scales), tf.float32)
        images = len(self.validation)
        whole, rest = divmod(images, EVALUATION_BATCH)
        loss, confusion = self._evaluate(noise_scales, tf.constant(0), tf.constant(whole), EVALUATION_BATCH)
        if rest:
            rest_sums = self._evaluate(noise_scales, tf.constant(whole), tf.constant(whole + 1), rest)
            loss, confusion = loss + rest_sums[0], confusion + rest_sums[1]
        return loss.numpy()[: self.runs] / images, confusion.numpy()[: self.runs].astype(np.int64)

    def _train_steps(self, first: tf.Tensor, last: tf.Tensor, size: int, draws: Draws) -> None:
        """Train steps `first` to `last` - 1 with minibatches of `size` images. XLA needs this static shape."""
        step = first
        while step < last:  # XLA would recompile `for step in tf.range(first, last)` for each pair of bounds
            rows = tf.slice(draws.order, [step * self.config.batch_size], [size])
            noise = network.fresh_noise(size, self.pixels, draws.noise_keys[step]) if self.config.resample else None
            images, labels = self.training.minibatch(rows, self.training_scales, noise, clip=self.config.clip)
            masks = network.dropout_masks(self.config, size, draws.dropout_keys[step])
            with tf.GradientTape() as tape:
                logits = network.logits(self.config, self.weights, images, masks)
                losses = network.losses(logits, labels)
                # A run's weights affect only its own losses: this sum gives each run the gradient of its mean loss.
                loss = tf.reduce_sum(losses) / size
            gradients = tape.gradient(loss, self.weights)
            network.rmsprop(self.weights, self.mean_squares, self.momenta, gradients, self.config.learning_rate)
            self.loss_sum.assign_add(tf.reduce_sum(losses, axis=1))
            self.correct.assign_add(network.count_correct(logits, labels))
            step += 1

    def _evaluate_batches(
        self, scales: tf.Tensor, first: tf.Tensor, last: tf.Tensor, size: int
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Return summed losses, (K,), and confusion counts, (K, 10, 10), of batches `first` to `last` - 1."""
        loss, confusion = tf.zeros_like(scales), tf.zeros([self._networks, CLASSES, CLASSES])
        for batch in tf.range(first, last):
            rows = batch * EVALUATION_BATCH + tf.range(size)
            images, labels = self.validation.minibatch(rows, scales, clip=self.config.clip)
            logits = network.logits(self.config, self.weights, images)
            loss += tf.reduce_sum(network.losses(logits, labels), axis=1)
            confusion += network.count_confusion(logits, labels)
        return loss, confusion
