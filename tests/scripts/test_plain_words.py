"""The check of the wording of docstrings, code and docs."""

import pytest

from scripts.plain_words import check_docstrings, check_phrases


@pytest.mark.parametrize(
    ("docstring", "finding"),
    [
        ("Whether it is open.", "starts with 'Whether'"),
        ("What a key means.", "starts with 'What'"),
        ("The number of runs.", "starts with 'The', which is not a known verb"),
        ("Returns the runs.", "starts with 'Returns', which is not a known verb"),
    ],
)
def test_wrong_first_word_of_a_function_is_found(docstring: str, finding: str) -> None:
    (found,) = check_docstrings("a.py", f'def f():\n    """{docstring}"""')
    assert found.startswith("a.py:1: ")
    assert finding in found


def test_question_word_of_a_module_or_class_is_found() -> None:
    source = '"""How it works."""\n\nclass C:\n    """Who asks."""'
    assert len(list(check_docstrings("a.py", source))) == 2


def test_verbs_and_noun_phrases_pass() -> None:
    source = (
        '"""Parts."""\n\nclass C:\n    """LRU cache."""\n    def f(self):\n        """Return, if open, the runs."""'
    )
    assert list(check_docstrings("a.py", source)) == []


@pytest.mark.parametrize("text", ["do it anew", "so\nmany runs", "Likewise.", "a program of before", "by  lot"])
def test_phrase_is_found_with_its_line(text: str) -> None:
    (found,) = check_phrases("a.md", f"first\n{text}")
    assert found.startswith("a.md:2: ")


@pytest.mark.parametrize("text", ["renewal", "so manyfold", "by lottery", "of beforehand"])
def test_phrase_inside_other_words_passes(text: str) -> None:
    assert list(check_phrases("a.md", text)) == []
