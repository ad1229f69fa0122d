"""Check that a release is consistent: the version, the changelog, and the tag at the current commit."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from noisesweep import __version__

ROOT = Path(__file__).parents[1]


def git(*arguments: str) -> list[str]:
    """Return the output lines of a git command."""
    return subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()


def problems(version: str, changelog: str, tags: list[str], changes: list[str]) -> Iterator[str]:
    """Yield a line for each reason not to release.

    Args:
        version: The version of the package, such as "0.2.0".
        changelog: The text of CHANGELOG.md.
        tags: The git tags of the current commit.
        changes: The lines of `git status --porcelain`.
    """
    if changes:
        yield f"{len(changes)} files differ from the current commit: commit them, or discard the changes."
    headings = re.findall(r"^## (.*)$", changelog, re.MULTILINE)
    newest = next((heading for heading in headings if heading != "Unreleased"), "nothing")
    if not re.fullmatch(rf"{re.escape(version)} - \d{{4}}-\d\d-\d\d", newest):
        yield f'CHANGELOG.md: expected the newest heading "{version} - YYYY-MM-DD", found "{newest}".'
    if f"v{version}" not in tags:
        found = ", ".join(tags) or "no tag"
        yield f"git: expected the tag v{version} at the current commit, found {found}: run `git tag v{version}`."


def main() -> int:
    """Print the problems; return 1 if there are any."""
    changelog = (ROOT / "CHANGELOG.md").read_text()
    found = list(problems(__version__, changelog, git("tag", "--points-at", "HEAD"), git("status", "--porcelain")))
    print(*found or [f"noisesweep {__version__} is ready to be released."], sep="\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
