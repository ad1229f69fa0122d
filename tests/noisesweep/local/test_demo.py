from pathlib import Path

from api.science.limit import limit_table
from tests.support.command_line import CommandLine
from tests.support.pictures import PNG_MAGIC

DIGITS = limit_table()["digits"].unclipped


def test_demo_saves_a_plot_and_stops_the_service(command_line: CommandLine, tmp_path: Path) -> None:
    arguments = ["--scales", "0.1", "1", "--epochs", "2", "--dataset", "digits", "--plot", "curve.png"]
    demo = command_line.start("demo", *arguments)
    output, _ = demo.communicate(timeout=120)
    assert demo.returncode == 0, output
    assert "epoch 2/2" in output
    assert output.splitlines()[-1].startswith("Next: `noisesweep up` starts the service with its page")
    assert "digits, 2 epochs" in output
    rows = [line.split() for line in output.splitlines() if line.startswith("│")]
    assert [row[1] for row in rows] == ["0.1", "1"]
    assert all(0 <= float(row[3]) <= 1 and 0 <= float(row[5]) <= 1 for row in rows)
    assert [[row[7], row[9]] for row in rows] == [
        [f"{at.lower:.4f}", f"{at.upper:.4f}"] for at in map(DIGITS.at, (0.1, 1))
    ]
    assert (tmp_path / "curve.png").read_bytes().startswith(PNG_MAGIC)
    assert command_line.processes() == []


def test_demo_with_failed_runs_prints_the_reason(command_line: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "mnist.npz").write_bytes(b"not an archive")
    demo = command_line.start("demo", "--scales", "0.1", "--dataset", "mnist", data_dir=tmp_path)
    output, _ = demo.communicate(timeout=120)
    assert demo.returncode == 1, output
    assert "dataset_unavailable" in output
    assert "Remove or replace it" in " ".join(output.split())
    assert command_line.processes() == []
