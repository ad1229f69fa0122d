"""`make gpu-check` with small counts, on a host without a GPU."""

import json
import subprocess
import sys
from pathlib import Path

from bench.gpu_check import Report
from noisesweep.models import Precision
from worker.devices import GPU_STACK


def test_program_for_gpus_keeps_its_promises_on_a_cpu(tmp_path: Path) -> None:
    out = tmp_path / "report.json"
    command = [sys.executable, "-m", "bench.gpu_check", "--stacks", "1", "3", "--steps", "2", "--out", str(out)]
    answer = subprocess.run([*command, "--precisions", Precision.FLOAT32], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    report = json.loads(out.read_text())
    assert set(report["promises"].values()) == {True}
    assert any("each of 3 runs has the same bits in a stack as alone" in promise for promise in report["promises"])
    speed, sweeps = report["tables"].values()
    assert [row["runs"] for row in speed] == [1, 3]
    assert all(row["s per run and epoch"] > 0 for row in speed)
    assert sweeps[0]["s"] > 0
    assert f"not run stacks of 4 to {GPU_STACK} runs" in answer.stdout


def test_report_lists_broken_promises() -> None:
    assert Report(promises={"one": True, "other": False}).broken == ["other"]
