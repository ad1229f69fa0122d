"""K runs of one seed, trained as one TensorFlow program.

The runs differ only in their noise scale. The device stores clean images C and standard normal noise N, and each step
computes its minibatch from them, with Gaussian noise as x = C + scale * N. One call trains a chunk of steps, which
keeps the overhead of Python small. The letters in shapes are defined in worker/trainer/operations.py.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from noisesweep.models import Keep, NoiseKind, TrainingConfig
from shared.architecture import EVALUATION_BATCHES, layer_shapes
from shared.noise import Purpose, generator
from shared.noise_kinds import Level, level_of, table_size
from worker.trainer import network
from worker.trainer.images import (
    NOISE_BUFFER_SIZE,
    Batch,
    NoiseBuffer,
    NoisyImages,
    draw_offsets,
)
from worker.trainer.operations import Operation
from worker.trainer.predictions import Float64Array, Predictions
from worker.trainer.state import Array, BestEpoch, RunState
from worker.trainer.variables import Draws, Variables


class Stack:
    """Variables of K runs, their current epoch and step, and the traced functions that train and evaluate them.

    The program is traced once for a config, a number of runs and a data set. `start` reuses it for other runs.

    On a CPU, each run has its own variables and its own operations on matrices, so it computes the same bits in every
    stack. The runs share the minibatches and the dropout masks. On a GPU, and with XLA, the runs are computed side by
    side with a leading axis.

    Args:
        config: The config.
        runs: Number of runs K.
        training: Images to train on.
        validation: Images to validate each epoch on.
        test: Images to evaluate the trained networks on; those of the validation if None.
        classes: Number of classes.
        xla: Whether to compile with XLA.

    Attributes:
        epoch: Current epoch, from 0.
        step: Completed steps of this epoch, 0 to `steps`.
        steps: Steps per epoch; the last minibatch may be smaller.
        draws: Random draws of this epoch.
    """

    def __init__(
        self,
        config: TrainingConfig,
        runs: int,
        training: NoisyImages,
        validation: NoisyImages,
        test: NoisyImages | None = None,
        *,
        classes: int,
        xla: bool,
    ) -> None:
        self.classes = classes
        self.evaluation_batch = EVALUATION_BATCHES[config.model.kind]
        self.config, self.runs = config, runs
        self.training, self.validation, self.test = training, validation, test or validation
        self.image_shape = training.image_shape
        self.pixels: int = training.images.shape[1]
        self._layers = layer_shapes(config.model, self.image_shape, classes)
        self.steps = -(-len(training) // config.batch_size)
        self._dtype = network.dtype_of(config.precision)
        side_by_side = xla or bool(tf.config.list_logical_devices("GPU"))
        # With one run, XLA compiles a batched matrix product into a different one that rounds differently, which
        # changed the metrics of an epoch by 0.006. A single run therefore trains with a second, unused network, so that
        # it gets the same bits as in a larger stack.
        axis = [max(runs, 2) if xla else runs] if side_by_side else []
        shapes = [weight.shape for weight in network.initial_weights(self._layers, seed=0)]
        tables = table_size(config.noise)
        self._variables = [Variables(axis, shapes, tables) for _ in range(1 if side_by_side else runs)]
        self._shape = (len(self._variables), *axis)
        self.noise_buffer = NoiseBuffer(min(config.batch_size, len(training)), self.pixels) if config.resample else None
        self._train = tf.function(self._train_steps, jit_compile=xla)
        self._evaluate = tf.function(self._evaluate_batch, jit_compile=xla)

    def start(self, seed: int, scales: Sequence[float], states: Sequence[RunState] | None = None) -> None:
        """Start K new runs of a seed, or continue from `states`, which must all have the same epoch and step."""
        self.seed = seed
        (self.noise_buffer or self.training).draw(seed)
        if states is None:
            initial = network.initial_weights(self._layers, seed)
            zeros = [np.zeros_like(weight) for weight in initial]
            states = [RunState(0, 0, initial, zeros, np.float32(0), np.float32(0))] * len(scales)
        self._validation_scales = [self.config.validation_scale(scale) for scale in scales]
        self._training_scales = [self.config.training_scale(scale) for scale in scales]
        levels = self._levels(self._training_scales, self.config.noise)
        for variables, *level in zip(self._variables, *levels, strict=True):
            for variable, value in zip(variables.level, level, strict=True):
                variable.assign(value)
            for momentum in variables.momenta:
                momentum.assign(tf.zeros_like(momentum))  # a run that diverged leaves NaN
        self._begin_epoch(states[0].epoch)
        self.step = states[0].step
        self._best = [state.best for state in states]
        by_run = [[*state.weights, *state.mean_squares, state.loss_sum, state.correct] for state in states]
        for index, arrays in enumerate(zip(*by_run, strict=True)):
            for variables, array in zip(self._variables, self._to_shape(arrays), strict=True):
                variables.state[index].assign(array)

    def _to_shape(self, of_runs: Sequence[float | Array]) -> Array:
        """Join the entries of the runs to an array whose first axes are the shape of the stack.

        An unused network gets the entry of the first run.
        """
        unused = int(np.prod(self._shape)) - self.runs
        joined = np.array([*of_runs, *of_runs[:unused]], np.float32)
        return joined.reshape(self._shape + joined.shape[1:])

    def _levels(self, scales: Sequence[float], kind: NoiseKind) -> Level:
        """Return the noise levels of the runs, with the shape of the stack as first axes."""
        levels = [level_of(kind, scale) for scale in scales]
        return Level(*(self._to_shape(parts) for parts in zip(*levels, strict=True)))

    def _values(self, run: int) -> list[Array]:
        """Return the values of a run's variables, in the order of `Variables.state`."""
        index = np.unravel_index(run, self._shape)
        return [variable[*index[1:], ...].numpy() for variable in self._variables[index[0]].state]

    def state(self, run: int) -> RunState:
        """Return the state of the run at this index of the stack."""
        *arrays, loss_sum, correct = self._values(run)
        half = len(arrays) // 2
        sums = np.float32(loss_sum), np.float32(correct)
        return RunState(self.epoch, self.step, arrays[:half], arrays[half:], *sums, self._best[run])

    def next_epoch(self) -> None:
        """Advance to the next epoch: make new random draws and reset the sums."""
        self._begin_epoch(self.epoch + 1)

    def _begin_epoch(self, epoch: int) -> None:
        self.epoch, self.step = epoch, 0
        masks = network.mask_buffer(self.config, self.seed, epoch)
        self.draws = Draws(
            order=tf.constant(self.order(epoch), tf.int32),
            masks=tf.cast(tf.constant(masks), self._dtype),
            mask_offsets=draw_offsets(self.seed, Purpose.DROPOUT, epoch, network.MASK_BUFFER_SIZE, (self.steps,)),
            noise_offsets=self._noise_offsets(epoch),
        )
        for variables in self._variables:
            variables.loss_sum.assign(tf.zeros_like(variables.loss_sum))
            variables.correct.assign(tf.zeros_like(variables.correct))

    def order(self, epoch: int) -> NDArray[np.int64]:
        """Return the rows of the training images in the order of an epoch."""
        return generator(self.seed, Purpose.SHUFFLE, epoch).permutation(len(self.training))

    def _noise_offsets(self, epoch: int) -> tf.Tensor:
        return draw_offsets(self.seed, Purpose.RESAMPLED_NOISE, epoch, NOISE_BUFFER_SIZE, (self.steps, 2))

    def train(self, steps: int) -> None:
        """Train up to `steps` steps, at most to the end of this epoch, and wait until the device has finished."""
        first, last = self.step, min(self.step + steps, self.steps)
        whole, rest = divmod(len(self.training), self.config.batch_size)
        if first < whole:
            self._train(tf.constant(first), tf.constant(min(last, whole)), self.config.batch_size, self.draws)
        if last > whole:
            self._train(tf.constant(whole), tf.constant(last), rest, self.draws)
        self._variables[-1].correct.numpy()  # waits for the device
        self.step = last

    def training_metrics(self) -> tuple[Array, Float64Array]:
        """Return mean loss (nats) and accuracy over this epoch so far, each (K,), measured with dropout."""
        images = min(self.step * self.config.batch_size, len(self.training))
        loss, correct = np.array([self._values(run)[-2:] for run in range(self.runs)], np.float32).T
        return loss / images, correct.astype(float) / images

    def validation_metrics(self) -> tuple[Array, Float64Array]:
        """Return mean loss (nats) and accuracy on the validation images at each run's validation scale, each (K,)."""
        found = self.evaluate(self._validation_scales, self.validation.batches(self.seed, self.evaluation_batch))
        return found.loss, found.accuracy

    def select(self, losses: Array) -> None:
        """Record each run's loss on the holdout after the current epoch, and its weights if it is the best so far.

        Without a holdout, nothing is selected.
        """
        if self.config.keep is Keep.LAST and self.config.patience is None:
            return
        for run, (loss, best) in enumerate(zip(losses, self._best, strict=True)):
            if best is None or loss < best.loss:
                kept = self._weights(run) if self.config.keep is Keep.BEST else []
                self._best[run] = BestEpoch(self.epoch, float(loss), kept)

    def has_finished(self, run: int) -> bool:
        """Return whether a run has trained all epochs, or `patience` epochs since its best one."""
        best, patience = self._best[run], self.config.patience
        if patience and best and self.epoch - 1 - best.epoch >= patience:
            return True
        return self.epoch == self.config.epochs

    def restore_kept(self, run: int) -> int:
        """Give a run that has finished the weights of the epoch that is kept, and return this epoch."""
        best = self._best[run]
        if self.config.keep is Keep.LAST or best is None:
            return self.epoch - 1
        index = np.unravel_index(run, self._shape)
        for variable, weight in zip(self._variables[index[0]].weights, best.weights, strict=True):
            variable[*index[1:], ...].assign(weight)
        return best.epoch

    def _weights(self, run: int) -> list[Array]:
        weights = self._values(run)[:-2]
        return weights[: len(weights) // 2]

    def evaluate(
        self, scales: Sequence[float], batches: Iterable[Batch] | None = None, *, kind: NoiseKind | None = None
    ) -> Predictions:
        """Evaluate the networks without dropout, network k at noise scale `scales[k]`.

        Args:
            scales: K noise scales.
            batches: Images and noise; the test images with their noise if None.
            kind: Kind of noise; that of the config if None.
        """
        kind = kind or self.config.noise
        levels = Level(*map(tf.constant, self._levels(scales, kind)))
        losses, predicted, labels = zip(
            *(
                (*self._evaluate(kind, levels, batch), batch.labels)
                for batch in batches or self.test.batches(self.seed, self.evaluation_batch)
            ),
            strict=True,
        )
        of_images = np.concatenate([part.numpy().reshape(-1, part.shape[-1]) for part in predicted], axis=1)
        # NumPy adds the numbers of one run in another order than those of several runs side by side.
        loss = np.concatenate(
            [np.sum([part[index].numpy() for part in losses], axis=0).reshape(-1) for index in range(self._shape[0])]
        )
        return Predictions(
            loss[: self.runs] / of_images.shape[1],
            of_images[: self.runs],
            np.concatenate([part.numpy() for part in labels]),
            self.classes,
        )

    def first_noise(self, order: NDArray[np.int64]) -> tf.Tensor | None:
        """Return the resampled noise (n, P) of the first n images of the first epoch; None without `resample`."""
        if self.noise_buffer is None:
            return None
        size, offsets = self.config.batch_size, self._noise_offsets(epoch=0)
        firsts = range(0, len(order), size)
        parts = [self.noise_buffer.noise(min(size, len(order) - first), offsets[first // size]) for first in firsts]
        return tf.concat(parts, axis=0)

    def _operations(self, variables: Variables, masks: Sequence[tf.Tensor] | None = None) -> list[Operation]:
        weights = [tf.cast(weight, self._dtype) for weight in variables.weights]
        return network.operations(self._layers, weights, self.image_shape, masks)

    def _train_steps(self, first: tf.Tensor, last: tf.Tensor, size: int, draws: Draws) -> None:
        """Train steps `first` to `last` - 1 with minibatches of `size` images. XLA needs this static shape."""
        step = first
        while step < last:  # XLA would recompile `for step in tf.range(first, last)` for each pair of bounds
            rows = tf.slice(draws.order, [step * self.config.batch_size], [size])
            noise = self.noise_buffer.noise(size, draws.noise_offsets[step]) if self.noise_buffer else None
            minibatch = self.training.gather(rows, noise)
            masks = network.dropout_masks(self.config, size, draws.masks, draws.mask_offsets[step])
            for variables in self._variables:
                images = minibatch.noisy(self.config.noise, variables.level, clip=self.config.clip)
                operations = self._operations(variables, masks)
                values = network.forward(operations, tf.cast(images, self._dtype))
                losses, gradients = network.losses_and_gradients(operations, values, minibatch.labels)
                network.rmsprop(
                    variables.weights,
                    variables.mean_squares,
                    variables.momenta,
                    gradients,
                    self.config.learning_rate,
                )
                variables.loss_sum.assign_add(tf.reduce_sum(losses, axis=-1))
                variables.correct.assign_add(network.count_correct(values[-1], minibatch.labels))
            step += 1

    def _evaluate_batch(self, kind: NoiseKind, levels: Level, batch: Batch) -> tuple[tf.Tensor, tf.Tensor]:
        """Return summed losses, in the shape of the stack, and predicted classes, with a last axis for the images."""
        minibatch = batch.minibatch()
        losses, predicted = [], []
        for index, variables in enumerate(self._variables):
            level = Level(levels.scale[index], levels.table[index])
            images = minibatch.noisy(kind, level, clip=self.config.clip)
            logits = network.forward(self._operations(variables), tf.cast(images, self._dtype))[-1]
            losses.append(tf.reduce_sum(network.cross_entropy(logits, minibatch.labels)[0], axis=-1))
            predicted.append(network.classify(logits))
        return tf.stack(losses), tf.stack(predicted)
