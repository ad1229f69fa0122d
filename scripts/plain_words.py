"""Check the wording of docstrings, code and docs: exit with 1 and one line per finding.

The word lists are in scripts/wording. A function's docstring starts with a verb of `verbs.txt` (add a verb that is
missing). No docstring starts with a word of `rejected_openings.txt`, and no text file contains a phrase of
`rejected_phrases.txt`.
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
WORDING = ROOT / "scripts" / "wording"
VERBS = frozenset((WORDING / "verbs.txt").read_text().split())
OPENINGS = frozenset((WORDING / "rejected_openings.txt").read_text().split())
PHRASES = tuple((WORDING / "rejected_phrases.txt").read_text().splitlines())
# A phrase may continue on the next line.
ANY_PHRASE = re.compile(r"\b(" + "|".join(PHRASES).replace(" ", r"\s+") + r")\b", re.IGNORECASE)
SUFFIXES = frozenset({".conf", ".css", ".html", ".ipynb", ".js", ".lua", ".md", ".py", ".toml", ".yaml", ".yml"})
NAMES = frozenset({"Dockerfile", "Makefile", "noisesweep-redis", "run"})
GUIDE = ROOT / "api" / "guide"  # built from docs/


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
    for match in ANY_PHRASE.finditer(text):
        phrase = " ".join(match[0].split())
        yield f"{path}:{text.count(chr(10), 0, match.start()) + 1}: {phrase!r} is not plain English"


def text_files() -> Iterator[Path]:
    """Yield the project's own text files: code, texts of the page, configuration and docs."""
    folders = (".ci", ".github", "api", "bench", "deploy", "docs", "examples", "noisesweep", "scripts", "shared")
    found = [path for folder in (*folders, "tests", "worker") for path in (ROOT / folder).rglob("*")]
    for path in sorted([*ROOT.iterdir(), *found]):
        is_text = path.suffix in SUFFIXES or path.name in NAMES or path.parent.name == "roles"
        if is_text and path.is_file() and GUIDE not in path.parents:
            yield path


def main() -> int:
    """Check every text file."""
    findings: list[str] = []
    for file in text_files():
        path, text = str(file.relative_to(ROOT)), file.read_text()
        findings += check_phrases(path, text)
        if file.suffix == ".py":
            findings += check_docstrings(path, text)
    print(*findings, sep="\n", end="\n" if findings else "")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
