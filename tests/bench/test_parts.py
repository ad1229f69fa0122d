"""`make bench-parts` with few steps."""

import json
import os
import subprocess
import sys
from pathlib import Path

from bench.parts import PRODUCTS, VARIANTS
from noisesweep.models import Precision
from tests.support.service import without_data_sets


def test_every_part_is_measured_with_the_functions_of_the_trainer(tmp_path: Path) -> None:
    out = tmp_path / "parts.json"
    command = [sys.executable, "-m", "bench.parts", "--rounds", "1", "--steps", "2", "--out", str(out)]
    environment = os.environ | without_data_sets(tmp_path)
    answer = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert answer.returncode == 0, answer.stderr
    report = json.loads(out.read_text())
    assert report["milliseconds"].keys() == set(Precision)
    for milliseconds in report["milliseconds"].values():
        assert [*milliseconds] == [*VARIANTS, PRODUCTS]
        assert min(milliseconds.values()) > 0
