"""Check the wording of docstrings, code and docs: exit with 1 and one line per finding.

A function's docstring starts with one of the verbs in `scripts/docstring_verbs.txt` (add a verb that is missing), no
docstring starts with a question word or "That", and no text file contains one of the phrases in `PHRASES`.
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
VERBS = frozenset((ROOT / "scripts" / "docstring_verbs.txt").read_text().split())
OPENINGS = frozenset(
    {"What", "Who", "Whoever", "Whom", "Whose", "Which", "Whether", "Where", "When", "Why", "How", "That"}
)
PHRASES = re.compile(
    r"\b(anew|likewise|whoever|so\s+many|as\s+many\s+as|is\s+none\s+of|of\s+before|by\s+lot|to\s+be\s+had)\b",
    re.IGNORECASE,
)
SUFFIXES = frozenset({".conf", ".css", ".html", ".ipynb", ".js", ".lua", ".md", ".py", ".toml", ".yaml", ".yml"})
NAMES = frozenset({"Dockerfile", "Makefile", "noisesweep-redis", "run"})
# This file and its test contain the phrases. The guide is built from docs/.
SKIPPED = re.compile(r"scripts/plain_words\.py|tests/scripts/test_plain_words\.py|api/guide/.*")


def check_docstrings(path: str, source: str) -> Iterator[str]:
    """Yield a line for each docstring of a Python file that starts with the wrong word."""
    documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, documented) or not (docstring := ast.get_docstring(node)):
            continue
        line = 1 if isinstance(node, ast.Module) else node.lineno
        word = docstring.split()[0].rstrip(",:.")
        if word in OPENINGS:
            yield f"{path}:{line}: a docstring starts with {word!r}"
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and word not in VERBS:
            yield f"{path}:{line}: the docstring of {node.name} starts with {word!r}, which is not a known verb"


def check_phrases(path: str, text: str) -> Iterator[str]:
    """Yield a line for each phrase of a file that plain technical English does not use."""
    for match in PHRASES.finditer(text):
        phrase = " ".join(match[0].split())
        yield f"{path}:{text.count(chr(10), 0, match.start()) + 1}: {phrase!r} is not plain English"


def text_files() -> Iterator[Path]:
    """Yield the project's own text files: code, texts of the page, configuration and docs."""
    folders = (".ci", ".github", "api", "bench", "deploy", "docs", "examples", "noisesweep", "scripts", "shared")
    found = [path for folder in (*folders, "tests", "worker") for path in (ROOT / folder).rglob("*")]
    for path in sorted([*ROOT.iterdir(), *found]):
        if path.is_file() and (path.suffix in SUFFIXES or path.name in NAMES or path.parent.name == "roles"):
            yield path


def main() -> int:
    """Check every text file."""
    findings: list[str] = []
    for file in text_files():
        path = str(file.relative_to(ROOT))
        if SKIPPED.fullmatch(path):
            continue
        text = file.read_text()
        findings += check_phrases(path, text)
        if path.endswith(".py"):
            findings += check_docstrings(path, text)
    print(*findings, sep="\n", end="\n" if findings else "")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
