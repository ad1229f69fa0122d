"""Parser of server-sent events in JavaScript."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from playwright.sync_api import Page

from api.dashboard.assets import assets
from tests.support.browser import Visitor

PARSE = """async ([url, pieces]) => {
    const parse = (await import(url)).createParser();
    return pieces.flatMap(parse);
}"""
WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), max_size=8)
MESSAGES = st.lists(st.tuples(WORDS, WORDS, st.lists(WORDS, min_size=1, max_size=3)), max_size=4)


@pytest.fixture
def page(visitor: Visitor) -> Page:
    return visitor().open("/ui/workers")


def test_messages_may_be_split_at_any_position(page: Page) -> None:
    # The property is a nested function, so that all examples share one page.
    @settings(max_examples=60)
    @given(MESSAGES, st.sampled_from(["\n", "\r\n", "\r"]), st.data())
    def check(messages: list[tuple[str, str, list[str]]], end: str, data: st.DataObject) -> None:
        text, expected = "", []
        for event_id, event_type, lines in messages:
            text += f": a comment{end}id: {event_id}{end}event: {event_type}{end}"
            text += "".join(f"data: {line}{end}" for line in lines) + end
            expected.append({"id": event_id, "type": event_type, "data": "\n".join(lines)})
        cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=5)))
        # A carriage return may be half of a CRLF, so the last line end is complete only when more text follows.
        pieces = [text[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(text)], strict=True)] + [":"]
        parsed: list[dict[str, Any]] = page.evaluate(PARSE, [assets()["live/events.js"].url, pieces])
        assert parsed == expected

    check()
