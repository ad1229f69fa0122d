"""Entry point of `python -m worker.doctor`: check this host and its store, and print problems with their remedies."""

import argparse
import io
import signal
import sys
from collections.abc import Iterator

from rich.console import Console

from shared.datasets import DatasetName
from shared.settings import variable
from worker import devices
from worker.doctor import host
from worker.doctor.findings import Finding, Verdict, as_json, show, summary
from worker.doctor.store import check_store
from worker.limits import free_memory


def run_checks(own_store: str | None, skipped: str) -> Iterator[Finding]:
    """Run all checks; yield each finding immediately."""
    settings, faults = host.read_settings()
    yield from faults
    yield host.check_python(sys.version_info[:3])
    device = devices.find(settings)
    yield host.check_tensorflow(device)
    yield host.check_memory(device.processes, free_memory())
    for name in DatasetName:
        yield host.check_dataset(name, settings)
    if not any(variable("redis_url") in fault.found for fault in faults):
        yield from check_store(settings, own_store, skipped)


def main() -> None:
    """Check Python, TensorFlow, memory, data sets and the store; exit with 1 if there is a problem."""
    parser = argparse.ArgumentParser(prog="python -m worker.doctor", description=main.__doc__)
    parser.add_argument("--json", action="store_true", help="print the findings as a JSON array")
    parser.add_argument("--own-store", help='path of the server that `noisesweep up` starts; "" if none is usable')
    parser.add_argument(
        "--skipped-store", default="", help="why `noisesweep up` skips the server on the PATH, if it does"
    )
    arguments = parser.parse_args()

    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # its encoding may lack the marks
    console = Console()
    findings = []
    try:
        with console.status("Checking; TensorFlow takes a few seconds ..."):
            for finding in run_checks(arguments.own_store, arguments.skipped_store):
                findings.append(finding)
                if not arguments.json:
                    show(finding, console)
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
    if arguments.json:
        sys.stdout.write(as_json(findings) + "\n")
    else:
        console.print(f"\n{summary(findings)}", highlight=False)
    sys.exit(any(finding.verdict is Verdict.PROBLEM for finding in findings))


if __name__ == "__main__":
    main()
