"""Networks of tests."""

from collections.abc import Sequence

from noisesweep.models import ConvolutionalNetwork, MultilayerPerceptron


def mlp(*hidden_units: int) -> MultilayerPerceptron:
    return MultilayerPerceptron(kind="mlp", hidden_units=list(hidden_units))


def cnn(filters: Sequence[int], *, kernel_size: int = 5, dense_units: Sequence[int] = (500,)) -> ConvolutionalNetwork:
    return ConvolutionalNetwork(
        kind="cnn", filters=list(filters), kernel_size=kernel_size, dense_units=list(dense_units)
    )
