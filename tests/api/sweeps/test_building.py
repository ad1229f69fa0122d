"""Tests of the thread that parses and builds large data, and of groups of items."""

import asyncio
import threading
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from api.sweeps.building import FEW, build, grouped


def test_only_work_on_many_items_leaves_the_event_loop() -> None:
    async def threads() -> list[threading.Thread]:
        return [await build(threading.current_thread, items) for items in (0, FEW, FEW + 1, FEW + 1)]

    first, second, third, fourth = asyncio.run(threads())
    assert first is second is threading.current_thread()
    assert third is fourth is not threading.current_thread()


@given(st.lists(st.integers(0, 20)), st.integers(1, 30))
def test_groups_contain_each_item_once_and_are_as_large_as_allowed(sizes: list[int], limit: int) -> None:
    groups = list(grouped(sizes, lambda size: size, limit))
    assert [size for group in groups for size in group] == sizes
    assert all(sum(group) <= limit or len(group) == 1 for group in groups)
    assert all(sum(group) + following[0] > limit for group, following in pairwise(groups))
