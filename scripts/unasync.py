"""Generator that derives the synchronous client from the asynchronous client. With --check, it writes no files."""

import re
import subprocess
import sys
from pathlib import Path

CLIENT = Path(__file__).parents[1] / "noisesweep" / "client"
SOURCE, TARGET = CLIENT / "_async", CLIENT / "_sync"
HEADER = "# Generated from {source} by scripts/unasync.py (make generate); do not edit.\n"
# Applied in this order to the whole text, including the examples in docstrings.
SUBSTITUTIONS = [
    (r"\basync (def|for|with)\b", r"\1"),
    (r"\bawait ", ""),
    (r"\bAsync(?=[A-Z])", ""),
    (r"\b__a(enter|exit)__\b", r"__\1__"),
    (r"\ba(close|closing|read|iter_sse)\b", r"\1"),
    (r"\basync_client\b", "client"),
    (r"\b_async_repr_png_\b", "_repr_png_"),
    (r"\basyncio\b", "time"),
    (r"\b_async\b", "_sync"),
    (r"\basynchronous\b", "synchronous"),
    (r"\bAsynchronous\b", "Synchronous"),
    (r" +# noqa: ASYNC\d+ .*", ""),
]


def generate(source: Path) -> str:
    """Return the synchronous version of a file, formatted with ruff."""
    text = source.read_text()
    for pattern, replacement in SUBSTITUTIONS:
        text = re.sub(pattern, replacement, text)
    text = HEADER.format(source=source.relative_to(CLIENT.parents[1])) + text
    for command in (["check", "--quiet", "--select=I", "--fix"], ["format"]):
        ruff = [sys.executable, "-m", "ruff", *command, f"--stdin-filename={TARGET / source.name}", "-"]
        text = subprocess.run(ruff, input=text, capture_output=True, text=True, check=True).stdout
    return text


def main() -> None:
    """Write the generated files. With --check, exit with 1 if one is out of date."""
    files = {TARGET / source.name: generate(source) for source in SOURCE.glob("*.py")}
    if "--check" in sys.argv:
        current = {path: path.read_text() for path in TARGET.glob("*.py")}
        if current != files:
            sys.exit("noisesweep/client/_sync is out of date: run `make generate`")
        return
    TARGET.mkdir(exist_ok=True)
    for path, text in files.items():
        path.write_text(text)


if __name__ == "__main__":
    main()
