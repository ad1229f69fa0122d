"""Schemathesis on the whole OpenAPI document, against the whole service.

A failure prints the seed and a curl command that reproduces it.
"""

import json
import os
import random
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.fuzzing import AUTHORIZATION, FuzzedService

HERE = Path(__file__).parent
# Examples per operation and random phase.
EXAMPLES = int(os.environ.get("NOISESWEEP_FUZZ_EXAMPLES", "500"))
# Rounds of the stateful phase: at least the first number, and up to the second until each operation has succeeded.
MIN_STATEFUL_ROUNDS, MAX_STATEFUL_ROUNDS = 3, 12
MIN_CASES = 2000


@dataclass
class RequestCounts:
    """Counts of the requests that Schemathesis has sent, by phase and by operation with status."""

    by_phase: Counter[tuple[str, str]] = field(default_factory=Counter)
    by_operation: dict[str, Counter[int | None]] = field(default_factory=dict)

    def read(self, report: Path) -> None:
        """Add the requests in a report of Schemathesis."""
        with report.open() as events:
            for line in events:
                scenario = json.loads(line).get("ScenarioFinished")
                if scenario:
                    self._count(scenario["phase"], **scenario["recorder"])

    def _count(
        self,
        phase: str,
        *,
        cases: dict[str, Any] | None = None,
        interactions: dict[str, Any] | None = None,
        **_other: object,
    ) -> None:
        for case_id, interaction in (interactions or {}).items():
            case = (cases or {})[case_id]["value"]
            # The requests of checks have no mode, for example a GET after a DELETE.
            mode = case.get("meta", {}).get("generation", {}).get("mode", "check")
            self.by_phase[phase, mode] += 1
            operation = f"{case['method']} {case['path']}"
            status = interaction.get("response", {}).get("status_code")
            self.by_operation.setdefault(operation, Counter())[status] += 1

    def without_success(self, operations: list[str]) -> list[str]:
        """Return the operations that have not succeeded yet."""
        return [
            operation
            for operation in operations
            if not any(status and status < 300 for status in self.by_operation.get(operation, ()))
        ]

    def table(self, operations: list[str]) -> str:
        """Return the counts as a table."""
        lines = [f"{count:6} {phase}, {mode}" for (phase, mode), count in sorted(self.by_phase.items())]
        for operation in operations:
            answers = self.by_operation.get(operation, Counter())
            statuses = ", ".join(f"{status}: {count}" for status, count in sorted(answers.items(), key=str))
            lines.append(f"{answers.total():6} {operation} ({statuses})")
        others = [answers for operation, answers in self.by_operation.items() if operation not in operations]
        lines.append(f"{sum(map(Counter.total, others)):6} with unsupported methods")
        lines.append(f"{self.by_phase.total():6} in total")
        return "\n".join(lines)


class Fuzzer:
    """Command line of Schemathesis, and the counts of its requests."""

    def __init__(self, service: FuzzedService, folder: Path) -> None:
        self._service, self._folder = service, folder
        self.counts = RequestCounts()

    def run(self, phases: str, seed: int) -> None:
        """Run phases of Schemathesis. It prints each failure with a curl command that reproduces it."""
        report = self._folder / "report.ndjson"
        command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(HERE / "schemathesis.toml"), "run"]
        command += [f"{self._service.api.url}/openapi.json", "--phases", phases, "--no-color"]
        command += ["--header", f"Authorization: {AUTHORIZATION}"]
        command += ["--seed", str(seed), "--max-examples", str(EXAMPLES)]
        command += ["--report", "ndjson", "--report-ndjson-path", str(report)]
        environment = os.environ | {
            "PYTHONPATH": str(HERE.parents[1]),
            "NOISESWEEP_FUZZ_TRAINED": self._service.trained,
        }
        ended = subprocess.run(command, cwd=self._folder, env=environment, check=False)
        self.counts.read(report)
        assert ended.returncode == 0, f"Schemathesis found failures in {phases}, printed above"


def test_api_matches_its_openapi_document(service: FuzzedService, tmp_path: Path) -> None:
    seed = int(os.environ.get("NOISESWEEP_FUZZ_SEED", random.SystemRandom().randrange(2**31)))
    print(f"NOISESWEEP_FUZZ_SEED={seed}", flush=True)
    paths = service.http.get("/openapi.json").json()["paths"]
    operations = [f"{method.upper()} {path}" for path, methods in paths.items() for method in methods]
    fuzzer = Fuzzer(service, tmp_path)
    try:
        fuzzer.run("examples,coverage,fuzzing", seed)
        # A stateful phase stops early when a replay meets another state, for example because a run has progressed.
        # Several rounds with different seeds compensate for this.
        for round_number in range(1, MAX_STATEFUL_ROUNDS + 1):
            if round_number > MIN_STATEFUL_ROUNDS and not fuzzer.counts.without_success(operations):
                break
            fuzzer.run("stateful", seed + round_number)
    finally:
        print(fuzzer.counts.table(operations))
    counts = fuzzer.counts
    assert counts.without_success(operations) == []
    assert {phase for phase, _ in counts.by_phase} == {"examples", "coverage", "fuzzing", "stateful"}
    assert {"positive", "negative"} <= {mode for _, mode in counts.by_phase}
    assert counts.by_phase.total() >= MIN_CASES
    # An error after the status line was sent, for example in a stream, appears only in the log.
    assert "Traceback" not in service.api.log.read_text()
