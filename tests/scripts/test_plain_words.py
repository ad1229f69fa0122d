"""The check of the wording of docstrings, code and docs."""

import pytest

from scripts.plain_words import OPENINGS, PHRASES, check_docstrings, check_phrases

GOOD = '''"""Parts of a car."""

class Cache:
    """LRU cache."""

    def f(self):
        """Return, if open, the runs."""
'''


@pytest.mark.parametrize("word", ["The", "Returns", *sorted(OPENINGS)])
def test_function_that_does_not_start_with_a_verb_is_found(word: str) -> None:
    (found,) = check_docstrings("a.py", f'def f():\n    """{word} runs."""')
    assert found.startswith("a.py:1: ")
    assert f"starts with {word!r}" in found


@pytest.mark.parametrize("word", sorted(OPENINGS))
def test_rejected_opening_of_a_module_or_class_is_found(word: str) -> None:
    source = GOOD.replace("Parts", word).replace("LRU", word)
    assert len(list(check_docstrings("a.py", source))) == 2


def test_verbs_and_noun_phrases_pass() -> None:
    assert list(check_docstrings("a.py", GOOD)) == []


@pytest.mark.parametrize("phrase", PHRASES)
def test_rejected_phrase_is_found_with_its_line(phrase: str) -> None:
    for text in (phrase, phrase.title(), phrase.replace(" ", "  "), phrase.replace(" ", "\n")):
        (found,) = check_phrases("a.md", f"first\nthe {text}.")
        assert found.startswith("a.md:2: ")


@pytest.mark.parametrize("phrase", PHRASES)
def test_phrase_inside_longer_words_passes(phrase: str) -> None:
    assert list(check_phrases("a.md", f"x{phrase} {phrase}x")) == []
