"""Layers of a network, compared with Keras."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from noisesweep.models import ConvolutionalNetwork, TrainingConfig
from shared.architecture import layer_shapes, multiply_adds, parameters
from tests.support.networks import cnn, mlp

NETWORKS = st.builds(
    cnn,
    st.lists(st.integers(1, 5), min_size=1, max_size=3),
    kernel_size=st.integers(1, 7),
    dense_units=st.lists(st.integers(1, 9), max_size=2),
)


def test_lenet_has_431080_parameters_and_2293000_multiply_adds() -> None:
    layers = layer_shapes(ConvolutionalNetwork(kind="cnn"), (28, 28), 10)
    assert sum(map(parameters, layers)) == 431_080
    assert list(map(multiply_adds, layers)) == [288_000, 1_600_000, 400_000, 5_000]


def test_the_notebooks_network_has_669706_parameters_and_668672_multiply_adds() -> None:
    layers = layer_shapes(TrainingConfig().model, (28, 28), 10)
    assert (sum(map(parameters, layers)), sum(map(multiply_adds, layers))) == (669_706, 668_672)


@given(network=NETWORKS, more=st.tuples(st.integers(0, 5), st.integers(0, 5)), classes=st.integers(2, 100))
def test_every_layer_of_the_smallest_image_has_outputs(
    network: ConvolutionalNetwork, more: tuple[int, int], classes: int
) -> None:
    need = network.smallest_image
    layers = layer_shapes(network, (need + more[0], need + more[1]), classes)
    assert all(min(layer.kernel) >= 1 for layer in layers)
    assert layers[-1].outputs == (classes,)
    too_small = layer_shapes(network, (need - 1, need + more[1]), classes)
    assert any(min(layer.kernel) < 1 for layer in too_small)


@pytest.mark.parametrize(("network", "need"), [(mlp(3), 1), (cnn([20, 50]), 16), (cnn([1, 1, 1], kernel_size=3), 22)])
def test_smallest_image(network: ConvolutionalNetwork, need: int) -> None:
    assert network.smallest_image == need
