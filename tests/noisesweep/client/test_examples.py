"""Tests of the example notebook."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from noisesweep.local.launcher import free_port
from tests.noisesweep.local.test_launcher import is_ready, start_up
from tests.support.command_line import CommandLine
from tests.support.pictures import PNG_MAGIC
from tests.support.waiting import wait_until

NOTEBOOK = Path(__file__).parents[3] / "examples" / "notebook.ipynb"


def read() -> nbformat.NotebookNode:
    notebook: nbformat.NotebookNode = nbformat.read(NOTEBOOK, as_version=4)  # type: ignore[no-untyped-call]
    return notebook


def test_notebook_runs_and_shows_its_outputs(
    command_line: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    start_up(command_line, port)
    wait_until(lambda: is_ready(port))
    monkeypatch.setenv("NOISESWEEP_URL", f"http://127.0.0.1:{port}")
    for folder in ("JUPYTER_RUNTIME_DIR", "IPYTHONDIR"):
        monkeypatch.setenv(folder, str(tmp_path / folder))
    notebook = read()
    NotebookClient(notebook, timeout=240, resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = {cell.id: cell.outputs[-1] for cell in notebook.cells if cell.cell_type == "code" and cell.outputs}
    assert set(shown) == {"noise", "sweep", "table", "sentence"}
    assert "image/png" in shown["noise"].data
    assert "image/png" in shown["sweep"].data
    assert "val_accuracy" in shown["table"].data["text/plain"]
    assert "Validation accuracy falls from " in shown["sentence"].data["text/plain"]
    assert (tmp_path / "noise.png").read_bytes().startswith(PNG_MAGIC)


def test_notebook_is_short_and_stored_without_outputs() -> None:
    cells = [cell for cell in read().cells if cell.cell_type == "code"]
    assert sum(bool(line.strip()) for cell in cells for line in cell.source.splitlines()) <= 10
    assert not any(cell.outputs or cell.execution_count for cell in cells)
