"""K multilayer perceptrons of one seed, trained side by side as one TensorFlow program.

Every weight has a leading axis K, an entry for each run of the stack; the runs differ in their noise scale alone. The
data lie on the device: clean images C and standard normal noise N, from which each step makes its minibatch,
x = C + scale * N. One call trains a whole chunk of steps, so Python is seldom in the way.

In shapes, K is the number of runs, B of images in a minibatch, P of pixels in an image, U of units in a layer.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple, TypeVar

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from noisesweep.models import Precision, TrainingConfig
from shared.datasets import CLASSES
from shared.noise import Purpose, generator
from worker.trainer.images import NoisyImages
from worker.trainer.state import Array, RunState

# RMSprop with Keras's defaults; epsilon stands under the root (keras/src/optimizers/rmsprop.py).
RHO = 0.9
EPSILON = 1e-7
# Images evaluated at once: enough to keep the products busy, few enough for the caches. It changes no figure.
EVALUATION_BATCH = 1000
# A dropout decision takes 16 random bits, so the rate is rounded to a multiple of 1 / 65536.
DECISIONS = 2**16

T = TypeVar("T")
Figures = NDArray[np.float64]


def initial_weights(config: TrainingConfig, pixels: int, seed: int) -> list[Array]:
    """Kernel (inputs, U) and bias (U,) of each layer, from the input to the output.

    Kernels are uniform in +-sqrt(6 / (inputs + U)) (Glorot and Bengio 2010, equation 16), biases zero.
    """
    draws = generator(seed, Purpose.WEIGHTS)
    weights: list[Array] = []
    for inputs, units in pairwise([pixels, *config.hidden_units, CLASSES]):
        limit = np.sqrt(6 / (inputs + units))
        weights += [draws.uniform(-limit, limit, (inputs, units)).astype(np.float32), np.zeros(units, np.float32)]
    return weights


class Draws(NamedTuple):
    """What chance decides in an epoch.

    Attributes:
        order: int32, (n,): the training images in the order in which they are trained on.
        dropout_keys: int32, (steps, 2): from which each step draws its dropout masks.
        noise_keys: int32, (steps, 2): and its training noise, where that is drawn anew in every epoch.
    """

    order: tf.Tensor
    dropout_keys: tf.Tensor
    noise_keys: tf.Tensor


class Stack:
    """The networks, their optimizer, and where in the training they stand.

    The program is traced once for a config, a number of runs and a data set; `start` makes it train other runs.

    Attributes:
        epoch: The epoch that the stack is in, from 0.
        step: Steps of this epoch done, 0 to `steps`.
        steps: Steps in an epoch; the last minibatch may be short.
    """

    def __init__(
        self, config: TrainingConfig, runs: int, training: NoisyImages, validation: NoisyImages, *, xla: bool
    ) -> None:
        self.config, self.runs = config, runs
        self.training, self.validation = training, validation
        self.steps = -(-len(training) // config.batch_size)
        # XLA compiles a batched product of one as another product, which rounds otherwise: 0.006 in the metrics of an
        # epoch. A second network, trained along and never read, gives a lone run the bits that it has in a stack.
        self._networks = max(runs, 2) if xla else runs
        self.training_scales = tf.Variable(tf.zeros(self._networks))
        shapes = [weight.shape for weight in initial_weights(config, training.images.shape[1], seed=0)]
        # RMSprop's fused update also wants room for a momentum. Ours is 0, so what stands there never counts.
        self.weights, self.mean_squares, self._momenta = (
            [tf.Variable(tf.zeros([self._networks, *shape])) for shape in shapes] for _ in range(3)
        )
        self.loss_sum, self.correct = (tf.Variable(tf.zeros(self._networks)) for _ in range(2))
        self._dtype = tf.bfloat16 if config.precision is Precision.MIXED_BFLOAT16 else tf.float32
        self._train = tf.function(self._train_steps, jit_compile=xla)
        self._evaluate = tf.function(self._evaluate_batches, jit_compile=xla)

    def start(self, seed: int, scales: Sequence[float], states: Sequence[RunState] | None = None) -> None:
        """Stand where K new runs of a seed begin, or where their states, all of one epoch and step, left them."""
        self.seed = seed
        if not self.config.resample:
            self.training.draw(seed)
        self.validation.draw(seed)
        if states is None:
            fresh = initial_weights(self.config, self.training.images.shape[1], seed)
            zeros = [np.zeros_like(weight) for weight in fresh]
            states = [RunState(0, 0, fresh, zeros, np.float32(0), np.float32(0))] * len(scales)
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
        """What each network gets: its run's, and the spare one the first run's."""
        return [*of_runs, *of_runs[: self._networks - self.runs]]

    def state(self, run: int) -> RunState:
        """The state of one run of the stack."""
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
        self._draws = Draws(tf.constant(order, tf.int32), dropout_keys, noise_keys)
        self.loss_sum.assign(tf.zeros_like(self.loss_sum))
        self.correct.assign(tf.zeros_like(self.correct))

    def _keys(self, purpose: Purpose) -> tf.Tensor:
        """A key of two integers for each step of the epoch, (steps, 2), that depends on nothing done before."""
        keys = generator(self.seed, purpose, self.epoch).integers(2**31, size=(self.steps, 2))
        return tf.constant(keys, tf.int32)

    def train(self, steps: int) -> None:
        """Train up to so many steps of this epoch, and return when they are done."""
        first, last = self.step, min(self.step + steps, self.steps)
        whole, rest = divmod(len(self.training), self.config.batch_size)
        if first < whole:
            self._train(tf.constant(first), tf.constant(min(last, whole)), self.config.batch_size, self._draws)
        if last > whole:
            self._train(tf.constant(whole), tf.constant(last), rest, self._draws)
        self.correct.numpy()  # waits for the device
        self.step = last

    def training_figures(self) -> tuple[Array, Figures]:
        """Mean loss (nats) and accuracy over this epoch's minibatches so far, each (K,), measured with dropout on."""
        images = min(self.step * self.config.batch_size, len(self.training))
        return self.loss_sum.numpy()[: self.runs] / images, self.correct.numpy()[: self.runs].astype(float) / images

    def validation_figures(self) -> tuple[Array, Figures]:
        """Mean loss (nats) and accuracy over the validation images as the runs validate, each (K,)."""
        loss, confusion = self.evaluate(self._validation_scales)
        return loss, accuracy_of(confusion)

    def evaluate(self, scales: Sequence[float]) -> tuple[Array, NDArray[np.int64]]:
        """What the networks make of the validation images, each with noise of its own one of K scales, dropout off.

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
        """Steps `first` to `last` - 1, whose minibatches have `size` images: a static shape for XLA."""
        step = first
        while step < last:  # `for step in tf.range(first, last)` would make XLA compile each pair of bounds anew
            rows = tf.slice(draws.order, [step * self.config.batch_size], [size])
            noise = self._new_noise(size, draws.noise_keys[step]) if self.config.resample else None
            images, labels = self.training.minibatch(rows, self.training_scales, noise, clip=self.config.clip)
            with tf.GradientTape() as tape:
                logits = self._logits(images, self._dropout_masks(size, draws.dropout_keys[step]))
                losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)  # (K, B)
                # A sum over the runs leaves each its own gradient, that of its mean loss.
                loss = tf.reduce_sum(losses) / size
            gradients = tape.gradient(loss, self.weights)
            self._update(gradients)
            self.loss_sum.assign_add(tf.reduce_sum(losses, axis=1))
            self.correct.assign_add(count_correct(logits, labels))
            step += 1

    def _evaluate_batches(
        self, scales: tf.Tensor, first: tf.Tensor, last: tf.Tensor, size: int
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Sum of losses, (K,), and images by true and predicted class, (K, 10, 10); batches `first` to `last` - 1."""
        loss, confusion = tf.zeros_like(scales), tf.zeros([self._networks, CLASSES, CLASSES])
        for batch in tf.range(first, last):
            rows = batch * EVALUATION_BATCH + tf.range(size)
            images, labels = self.validation.minibatch(rows, scales, clip=self.config.clip)
            logits = self._logits(images)
            loss += tf.reduce_sum(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits), axis=1)
            confusion += count_confusion(logits, labels)
        return loss, confusion

    def _logits(self, images: tf.Tensor, masks: Sequence[tf.Tensor] | None = None) -> tf.Tensor:
        """(K, B, P) to (K, B, 10): ReLU layers, each with its dropout mask (B, U) if there are masks."""
        layers = list(zip(self.weights[::2], self.weights[1::2], strict=True))
        outputs = images
        for layer, (kernel, bias) in enumerate(layers[:-1]):
            outputs = tf.nn.relu(add_bias(self._product(outputs, kernel), bias))
            if masks:
                outputs *= masks[layer]
        kernel, bias = layers[-1]
        return add_bias(self._product(outputs, kernel), bias)

    def _product(self, a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
        """The matrix product in the config's precision, and its gradient likewise, as float32."""
        return tf.cast(tf.matmul(tf.cast(a, self._dtype), tf.cast(b, self._dtype)), tf.float32)

    def _new_noise(self, size: int, key: tf.Tensor) -> tf.Tensor:
        """Standard normal noise for the images of a minibatch, (B, P), that the runs share."""
        return tf.random.stateless_normal([size, self.training.images.shape[1]], key, alg="philox")

    def _dropout_masks(self, size: int, key: tf.Tensor) -> list[tf.Tensor] | None:
        """For each hidden layer (B, U): 0 where an output is dropped, else 1 / (1 - rate), the rate as rounded.

        The runs share them.
        """
        rate, units = self.config.dropout, self.config.hidden_units
        if rate == 0:
            return None
        dropped = min(round(rate * DECISIONS), DECISIONS - 1)
        words = -(-size * sum(units) // 2)
        bits = tf.random.stateless_uniform([words], key, None, None, tf.uint32, alg="philox")
        decisions = tf.reshape(tf.bitcast(bits, tf.uint16), [-1])[: size * sum(units)]
        kept = tf.cast(decisions >= dropped, tf.float32) * (DECISIONS / (DECISIONS - dropped))
        return [tf.reshape(mask, [size, -1]) for mask in tf.split(kept, [size * layer for layer in units])]

    def _update(self, gradients: Sequence[tf.Tensor]) -> None:
        """RMSprop: s = rho s + (1 - rho) g^2, then w = w - learning_rate g / sqrt(s + epsilon), in one operation."""
        variables = zip(self.weights, self.mean_squares, self._momenta, gradients, strict=True)
        for weight, mean_square, momentum, gradient in variables:
            tf.raw_ops.ResourceApplyRMSProp(
                var=weight.handle,
                ms=mean_square.handle,
                mom=momentum.handle,
                lr=self.config.learning_rate,
                rho=RHO,
                momentum=0.0,
                epsilon=EPSILON,
                grad=gradient,
            )


@tf.custom_gradient  # type: ignore[untyped-decorator]
def add_bias(
    outputs: tf.Tensor, bias: tf.Tensor
) -> tuple[tf.Tensor, Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]]:
    """Outputs (K, B, U) + bias (K, U); the bias's gradient is summed over the minibatch by a matrix product.

    The plain sum adds in an order that depends on where a run's units fall among all K * U in the vector lanes, so
    that a run would differ in its last bits with its place in the stack. A product is computed for each run alone.
    """

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        runs, batch, _ = upstream.shape
        return upstream, tf.squeeze(tf.matmul(tf.ones([runs, 1, batch]), upstream), axis=1)

    return outputs + bias[:, None], gradient


def count_correct(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """Of logits (K, B, 10) and labels (K, B): how many images of each run have their largest logit at the label."""
    hits = tf.equal(tf.argmax(logits, axis=2, output_type=tf.int32), labels)
    return tf.reduce_sum(tf.cast(hits, tf.float32), axis=1)


def count_confusion(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """Of logits (K, B, 10) and labels (K, B): images by label and by where their largest logit is, (K, 10, 10)."""
    predicted = tf.one_hot(tf.argmax(logits, axis=2), CLASSES)
    return tf.matmul(tf.one_hot(labels, CLASSES), predicted, transpose_a=True)  # whole numbers, which a float32 holds


def accuracy_of(confusion: NDArray[np.int64]) -> Figures:
    """The share of images classified right, (K,), of counts by true and predicted class, (K, 10, 10)."""
    accuracy: Figures = np.trace(confusion, axis1=1, axis2=2) / confusion.sum(axis=(1, 2))
    return accuracy
