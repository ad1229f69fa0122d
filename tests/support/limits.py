"""The best possible accuracy in tests of everything else."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def no_known_limit() -> Iterator[None]:
    """Make the best possible accuracy unknown for all data sets."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("api.science.limit.limit_table", dict)
        yield
