"""The reader of server-sent events, wherever the text is cut."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from playwright.sync_api import Page

from api.dashboard.assets import assets
from tests.support.browser import Visitor

READ = """async ([address, pieces]) => {
    const read = (await import(address)).parser();
    return pieces.flatMap(read);
}"""
WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), max_size=8)
MESSAGES = st.lists(st.tuples(WORDS, WORDS, st.lists(WORDS, min_size=1, max_size=3)), max_size=4)


@pytest.fixture
def page(visitor: Visitor) -> Page:
    return visitor().open("/ui/workers")


def test_messages_are_read_whole_wherever_the_text_is_cut(page: Page) -> None:
    # Hypothesis within, because a page cannot be opened for each example.
    @settings(max_examples=60, deadline=None)
    @given(MESSAGES, st.sampled_from(["\n", "\r\n", "\r"]), st.data())
    def holds(messages: list[tuple[str, str, list[str]]], end: str, data: st.DataObject) -> None:
        text, expected = "", []
        for identity, kind, lines in messages:
            text += f": a comment{end}id: {identity}{end}event: {kind}{end}"
            text += "".join(f"data: {line}{end}" for line in lines) + end
            expected.append({"id": identity, "type": kind, "data": "\n".join(lines)})
        cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=5)))
        # A carriage return may be half of an end of line, so the last one shows only by what follows it.
        pieces = [text[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(text)], strict=True)] + [":"]
        read: list[dict[str, Any]] = page.evaluate(READ, [assets()["events.js"].address, pieces])
        assert read == expected

    holds()
