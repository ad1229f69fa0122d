"""Matrix products of a training step: the lower bound of its time."""

from collections.abc import Callable
from itertools import pairwise

from noisesweep.models import Precision, TrainingConfig
from shared.datasets import CLASSES

Shape = tuple[int, int]


def product_shapes(config: TrainingConfig, pixels: int) -> list[tuple[Shape, Shape]]:
    """Return the shapes of the operand pairs of one step.

    For each layer, these are the products for the outputs, the weight gradients and the input gradients.
    """
    batch, shapes = config.batch_size, []
    for layer, (inputs, units) in enumerate(pairwise([pixels, *config.model.dense_units, CLASSES])):
        shapes += [((batch, inputs), (inputs, units)), ((inputs, batch), (batch, units))]
        if layer:  # the gradient of the images is not needed
            shapes.append(((batch, units), (units, inputs)))
    return shapes


def tensorflow_products(config: TrainingConfig, pixels: int, runs: int = 1) -> Callable[[int], object]:
    """Return a function that computes the products of a number of steps with TensorFlow, for `runs` runs at once."""
    import tensorflow as tf  # noqa: PLC0415 - only processes that measure TensorFlow import it

    dtype = tf.bfloat16 if config.precision is Precision.MIXED_BFLOAT16 else tf.float32
    products = [
        tuple(tf.Variable(tf.cast(tf.random.normal([runs, *shape]), dtype)) for shape in pair)
        for pair in product_shapes(config, pixels)
    ]

    @tf.function  # type: ignore[untyped-decorator]
    def compute(steps: tf.Tensor) -> tf.Tensor:
        total = tf.zeros([], dtype)
        for _ in tf.range(steps):
            for left, right in products:
                # The control dependency keeps each product inside the loop. The sum keeps TensorFlow from removing it.
                with tf.control_dependencies([total]):
                    total += tf.matmul(left.read_value(), right.read_value())[0, 0, 0]
        return total

    return lambda steps: compute(tf.constant(steps)).numpy()
