import hashlib

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from worker.trainer.state import BestEpoch, RunState

any_array = arrays.arrays(np.float32, arrays.array_shapes(max_dims=2, max_side=5))


@given(st.integers(0, 199), st.integers(0, 10**6), st.lists(any_array, min_size=1, max_size=12), st.floats(width=32))
def test_serialization_preserves_every_bit(
    epoch: int, step: int, weights: list[np.ndarray[tuple[int, ...], np.dtype[np.float32]]], loss_sum: float
) -> None:
    best = BestEpoch(epoch, 0.1, weights)
    state = RunState(epoch, step, weights, weights[::-1], np.float32(loss_sum), np.float32(7), best)
    again = RunState.from_bytes(state.to_bytes())
    assert (again.epoch, again.step) == (epoch, step)
    assert again.best
    assert (again.best.epoch, again.best.loss) == (epoch, 0.1)
    assert again.loss_sum.tobytes() == state.loss_sum.tobytes()
    arrays_of = [[*each.weights, *each.mean_squares, *each.best.weights] for each in (state, again) if each.best]
    for before, after in zip(*arrays_of, strict=True):
        assert after.dtype == np.float32
        assert after.shape == before.shape
        assert after.tobytes() == before.tobytes()


def test_the_weights_hash_covers_all_bytes_in_order() -> None:
    weights = [np.arange(6, dtype=np.float32).reshape(2, 3), np.zeros(3, np.float32)]
    state = RunState(1, 0, weights, weights, np.float32(0), np.float32(0))
    assert state.weights_sha256 == hashlib.sha256(weights[0].tobytes() + weights[1].tobytes()).hexdigest()
    assert RunState(9, 9, weights, weights, np.float32(1), np.float32(1)).weights_sha256 == state.weights_sha256
