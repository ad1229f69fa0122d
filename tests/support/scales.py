"""Scales as a service stores them."""

from hypothesis import strategies as st

from noisesweep.models.float32 import SMALLEST, as_float32

SCALES = st.one_of(st.just(0.0), st.floats(SMALLEST, 1000)).map(as_float32)
