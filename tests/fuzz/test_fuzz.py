"""Schemathesis over the whole OpenAPI document against the service as it runs.

A failure shows the curl line that repeats it, and the seed.
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
# Examples of each operation in each phase that draws by chance: many by `make fuzz`, and enough in CI.
EXAMPLES = int(os.environ.get("NOISESWEEP_FUZZ_EXAMPLES", "500"))
WALKS = 3
LEAST_CASES = 2000


@dataclass
class Sent:
    """What was really sent and answered."""

    by_phase: Counter[tuple[str, str]] = field(default_factory=Counter)
    by_operation: dict[str, Counter[int | None]] = field(default_factory=dict)

    def read(self, report: Path) -> None:
        """Count the requests that Schemathesis says it sent, phase by phase."""
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
            # A case without a mode was derived by a check, as the look at a resource after its end.
            mode = case.get("meta", {}).get("generation", {}).get("mode", "check")
            self.by_phase[phase, mode] += 1
            operation = f"{case['method']} {case['path']}"
            status = interaction.get("response", {}).get("status_code")
            self.by_operation.setdefault(operation, Counter())[status] += 1

    def table(self, operations: list[str]) -> str:
        """The counts for people."""
        lines = [f"{count:6} {phase}, {mode}" for (phase, mode), count in sorted(self.by_phase.items())]
        for operation in operations:
            answers = self.by_operation.get(operation, Counter())
            statuses = ", ".join(f"{status}: {count}" for status, count in sorted(answers.items(), key=str))
            lines.append(f"{answers.total():6} {operation} ({statuses})")
        others = [answers for operation, answers in self.by_operation.items() if operation not in operations]
        lines.append(f"{sum(map(Counter.total, others)):6} with methods that are not served")
        lines.append(f"{self.by_phase.total():6} in all")
        return "\n".join(lines)


class Fuzzer:
    """Schemathesis's command line, and the count of what it sent."""

    def __init__(self, service: FuzzedService, folder: Path) -> None:
        self._service, self._folder = service, folder
        self.sent = Sent()

    def run(self, phases: str, seed: int) -> None:
        """Go through some phases; what is found is printed, each with the curl line that repeats it."""
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
        self.sent.read(report)
        assert ended.returncode == 0, f"found in {phases}: see above"


def test_whatever_is_sent_the_api_answers_as_its_document_says(service: FuzzedService, tmp_path: Path) -> None:
    seed = int(os.environ.get("NOISESWEEP_FUZZ_SEED", random.SystemRandom().randrange(2**31)))
    print(f"NOISESWEEP_FUZZ_SEED={seed}", flush=True)
    paths = service.http.get("/openapi.json").json()["paths"]
    operations = [f"{method.upper()} {path}" for path, methods in paths.items() for method in methods]
    fuzzer = Fuzzer(service, tmp_path)
    try:
        fuzzer.run("examples,coverage,fuzzing", seed)
        # A walk along the links ends early where it comes to a state that differs from last time, for time passes
        # here: so there are several.
        for further in range(1, WALKS + 1):
            fuzzer.run("stateful", seed + further)
    finally:
        print(fuzzer.sent.table(operations))
    sent = fuzzer.sent
    for operation in operations:
        assert any(status and status < 300 for status in sent.by_operation[operation]), f"{operation} never succeeded"
    assert {phase for phase, _ in sent.by_phase} == {"examples", "coverage", "fuzzing", "stateful"}
    assert {"positive", "negative"} <= {mode for _, mode in sent.by_phase}
    assert sent.by_phase.total() >= LEAST_CASES
    # What breaks after its status was sent, such as a stream, stands in the log alone.
    assert "Traceback" not in service.api.log.read_text()
