"""Links between Markdown files, which GitHub shows as well as the built documentation."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = subprocess.run(["git", "ls-files", "*.md"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()
TEMPLATES = "scripts/reference_templates/"  # their links are relative to the generated pages


@pytest.mark.parametrize("page", [page for page in PAGES if not page.startswith(TEMPLATES)])
def test_relative_links_and_images_exist(page: str) -> None:
    targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", (ROOT / page).read_text())
    missing = [target for target in targets if not (ROOT / page).parent.joinpath(target).exists()]
    assert missing == []


def test_readme_has_at_most_160_lines() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 160
