"""K runs of one seed, trained side by side as one TensorFlow program.

The runs differ in their noise scale alone. The data lie on the device: clean images C and standard normal noise N, from
which each step makes its minibatch, x = C + scale * N. One call trains a whole chunk of steps, so Python is seldom in
the way. Shapes are named as in worker/trainer/network.py, which computes.
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
from worker.trainer.network import Figures
from worker.trainer.state import Array, RunState

# Images evaluated at once: enough to keep the products busy, few enough for the caches. It changes no figure.
EVALUATION_BATCH = 1000

T = TypeVar("T")


class Draws(NamedTuple):
    """The random draws of an epoch.

    Attributes:
        order: int32, (n,): the training images in the order in which they are trained on.
        dropout_keys: int32, (steps, 2): the key of each step's dropout masks.
        noise_keys: int32, (steps, 2): the key of each step's training noise, if every epoch draws new noise.
    """

    order: tf.Tensor
    dropout_keys: tf.Tensor
    noise_keys: tf.Tensor


class Stack:
    """The variables of K runs, their position in the training, and the traced functions that move both.

    The program is traced once for a config, a number of runs and a data set; `start` makes it train other runs.

    Attributes:
        epoch: The current epoch, from 0.
        step: Steps of this epoch done, 0 to `steps`.
        steps: Steps in an epoch; the last minibatch may be short.
        draws: What chance decides in this epoch.
        weights: Kernel (K, inputs, U) and bias (K, U) of each layer.
        mean_squares: RMSprop's running mean of each weight's squared gradient.
        loss_sum: Sum of this epoch's losses so far, (K,).
        correct: Images of this epoch classified right so far, (K,).
    """

    def __init__(
        self, config: TrainingConfig, runs: int, training: NoisyImages, validation: NoisyImages, *, xla: bool
    ) -> None:
        self.config, self.runs = config, runs
        self.training, self.validation = training, validation
        self.pixels: int = training.images.shape[1]
        self.steps = -(-len(training) // config.batch_size)
        # XLA compiles a batched product of one as another product, which rounds otherwise: 0.006 in the metrics of an
        # epoch. A second network, trained along and never read, gives a lone run the bits that it has in a stack.
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
        """Begin K new runs of a seed, or continue from their states, which are all of one epoch and step."""
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
        self._enter(states[0].epoch)
        self.step = states[0].step
        self.loss_sum.assign([state.loss_sum for state in states])
        self.correct.assign([state.correct for state in states])

    def _for_networks(self, of_runs: Sequence[T]) -> list[T]:
        """Return an entry for each network: its run's, and the first run's for the spare network."""
        return [*of_runs, *of_runs[: self._networks - self.runs]]

    def state(self, run: int) -> RunState:
        """Return the state of the run at that position in the stack."""
        return RunState(
            epoch=self.epoch,
            step=self.step,
            weights=[weight[run].numpy() for weight in self.weights],
            mean_squares=[mean_square[run].numpy() for mean_square in self.mean_squares],
            loss_sum=self.loss_sum[run].numpy(),
            correct=self.correct[run].numpy(),
        )

    def next_epoch(self) -> None:
        """Go on to the next epoch: a new order, new dropout, sums from zero."""
        self._enter(self.epoch + 1)

    def _enter(self, epoch: int) -> None:
        self.epoch, self.step = epoch, 0
        order = generator(self.seed, Purpose.SHUFFLE, epoch).permutation(len(self.training))
        dropout_keys, noise_keys = self._keys(Purpose.DROPOUT), self._keys(Purpose.RESAMPLED_NOISE)
        self.draws = Draws(tf.constant(order, tf.int32), dropout_keys, noise_keys)
        self.loss_sum.assign(tf.zeros_like(self.loss_sum))
        self.correct.assign(tf.zeros_like(self.correct))

    def _keys(self, purpose: Purpose) -> tf.Tensor:
        """Return a key of two integers for each step of the epoch, (steps, 2), independent of anything done before."""
        keys = generator(self.seed, purpose, self.epoch).integers(2**31, size=(self.steps, 2))
        return tf.constant(keys, tf.int32)

    def train(self, steps: int) -> None:
        """Train up to that many steps of this epoch, and return when they are done."""
        first, last = self.step, min(self.step + steps, self.steps)
        whole, rest = divmod(len(self.training), self.config.batch_size)
        if first < whole:
            self._train(tf.constant(first), tf.constant(min(last, whole)), self.config.batch_size, self.draws)
        if last > whole:
            self._train(tf.constant(whole), tf.constant(last), rest, self.draws)
        self.correct.numpy()  # waits for the device
        self.step = last

    def training_figures(self) -> tuple[Array, Figures]:
        """Return mean loss (nats) and accuracy over this epoch's minibatches so far, each (K,), with dropout on."""
        images = min(self.step * self.config.batch_size, len(self.training))
        return self.loss_sum.numpy()[: self.runs] / images, self.correct.numpy()[: self.runs].astype(float) / images

    def validation_figures(self) -> tuple[Array, Figures]:
        """Return mean loss (nats) and accuracy over the validation images as the runs validate, each (K,)."""
        loss, confusion = self.evaluate(self._validation_scales)
        return loss, network.accuracy_of(confusion)

    def evaluate(self, scales: Sequence[float]) -> tuple[Array, NDArray[np.int64]]:
        """Evaluate the networks on the validation images, each with noise of its own one of K scales, dropout off.

        Returns:
            Mean loss (nats), (K,), and the number of images by true and predicted class, (K, 10, 10).
        """
        noise_scales = tf.constant(self._for_networks(scales), tf.float32)
        images = len(self.validation)
        whole, rest = divmod(images, EVALUATION_BATCH)
        loss, confusion = self._evaluate(noise_scales, tf.constant(0), tf.constant(whole), EVALUATION_BATCH)
        if rest:
            rest_figures = self._evaluate(noise_scales, tf.constant(whole), tf.constant(whole + 1), rest)
            loss, confusion = loss + rest_figures[0], confusion + rest_figures[1]
        return loss.numpy()[: self.runs] / images, confusion.numpy()[: self.runs].astype(np.int64)

    def _train_steps(self, first: tf.Tensor, last: tf.Tensor, size: int, draws: Draws) -> None:
        """Train steps `first` to `last` - 1, whose minibatches have `size` images: a static shape for XLA."""
        step = first
        while step < last:  # with `for step in tf.range(first, last)`, XLA would compile once for each pair of bounds
            rows = tf.slice(draws.order, [step * self.config.batch_size], [size])
            noise = network.fresh_noise(size, self.pixels, draws.noise_keys[step]) if self.config.resample else None
            images, labels = self.training.minibatch(rows, self.training_scales, noise, clip=self.config.clip)
            masks = network.dropout_masks(self.config, size, draws.dropout_keys[step])
            with tf.GradientTape() as tape:
                logits = network.logits(self.config, self.weights, images, masks)
                losses = network.losses(logits, labels)
                # A sum over the runs leaves each its own gradient, that of its mean loss.
                loss = tf.reduce_sum(losses) / size
            gradients = tape.gradient(loss, self.weights)
            network.rmsprop(self.weights, self.mean_squares, self.momenta, gradients, self.config.learning_rate)
            self.loss_sum.assign_add(tf.reduce_sum(losses, axis=1))
            self.correct.assign_add(network.count_correct(logits, labels))
            step += 1

    def _evaluate_batches(
        self, scales: tf.Tensor, first: tf.Tensor, last: tf.Tensor, size: int
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Sum losses, (K,), and images by true and predicted class, (K, 10, 10), of batches `first` to `last` - 1."""
        loss, confusion = tf.zeros_like(scales), tf.zeros([self._networks, CLASSES, CLASSES])
        for batch in tf.range(first, last):
            rows = batch * EVALUATION_BATCH + tf.range(size)
            images, labels = self.validation.minibatch(rows, scales, clip=self.config.clip)
            logits = network.logits(self.config, self.weights, images)
            loss += tf.reduce_sum(network.losses(logits, labels), axis=1)
            confusion += network.count_confusion(logits, labels)
        return loss, confusion
