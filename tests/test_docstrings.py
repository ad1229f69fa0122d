"""Docstrings start with a verb (functions) or a noun phrase (modules, classes)."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDERS = ("api", "worker", "shared", "noisesweep", "bench", "scripts")
QUESTION = re.compile(r"(What|Who|Which|Where|When|Why|How) ")


def first_lines(path: Path) -> list[str]:
    documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    nodes = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, documented)]
    return [docstring.partition("\n")[0] for node in nodes if (docstring := ast.get_docstring(node))]


def test_no_docstring_starts_with_a_question_word() -> None:
    files = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
    found = [
        f"{path.relative_to(ROOT)}: {line}" for path in files for line in first_lines(path) if QUESTION.match(line)
    ]
    assert len(files) > 100
    assert found == []
