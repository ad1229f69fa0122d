"""The checks before a release."""

import pytest

from scripts.release import problems

CHANGELOG = "# Changelog\n\n## Unreleased\n\n## 0.2.0 - 2026-11-26\n\n- Added.\n\n## 0.1.0 - 2026-01-01\n"


def test_consistent_release_has_no_problems() -> None:
    assert list(problems("0.2.0", CHANGELOG, ["v0.2.0"], [])) == []


@pytest.mark.parametrize(
    ("version", "changelog", "tags", "changes", "expected"),
    [
        ("0.2.0", CHANGELOG, ["v0.2.0"], [" M README.md"], "1 files differ"),
        ("0.3.0", CHANGELOG, ["v0.3.0"], [], 'expected the newest heading "0.3.0 - YYYY-MM-DD", found "0.2.0'),
        ("0.2.0", "## 0.2.0", ["v0.2.0"], [], 'found "0.2.0"'),
        ("0.2.0", "# Changelog", ["v0.2.0"], [], 'found "nothing"'),
        ("0.2.0", CHANGELOG, [], [], "found no tag"),
        ("0.2.0", CHANGELOG, ["v0.1.0"], [], "found v0.1.0"),
    ],
)
def test_each_inconsistency_is_reported(
    version: str, changelog: str, tags: list[str], changes: list[str], expected: str
) -> None:
    (problem,) = problems(version, changelog, tags, changes)
    assert expected in problem
