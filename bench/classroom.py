"""A class on one service: 30 students with keys from a roster and one sweep each, after one greedy student.

It measures when every student has a first epoch and a finished sweep, and checks that nobody can change the sweep of
another.

Run it with `make bench-class`, or for a short test with `make bench-class ARGS="--students 6"`.
"""

import argparse
import csv
import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx

from bench.report import percentile, print_table
from noisesweep.local.launcher import free_port, launch
from noisesweep.local.listener import Listener
from noisesweep.models import hash_api_key

DATASET = "digits"
SCALES = [0.1, 0.5, 1.0, 2.0, 4.0]
HOMEWORK = {"scales": SCALES, "epochs": 20, "dataset": DATASET, "tags": {"course": "ml-101"}}
# 500 runs, the limit of one key.
GREED = [HOMEWORK | {"seeds": list(range(1000 + 50 * part, 1050 + 50 * part)), "tags": {}} for part in range(2)]


def create_keys(url: str, admin: str, names: Sequence[str], folder: Path) -> dict[str, str]:
    """Create keys from a roster with the command line, and return them by name."""
    roster, out = folder / "roster.csv", folder / "keys.csv"
    roster.write_text("\n".join(["name", *names]))
    command = [sys.executable, "-m", "noisesweep", "keys", "add", "--from", str(roster), "--out", str(out)]
    environment = os.environ | {"NOISESWEEP_URL": url, "NOISESWEEP_API_KEY": admin}
    subprocess.run(command, env=environment, check=True)  # noqa: S603 - constant command
    return {row["name"]: row["key"] for row in csv.DictReader(out.read_text().splitlines())}


def submit(http: httpx.Client, key: str, body: dict[str, Any]) -> str:
    """Submit a sweep with a key, and return its path."""
    answer = http.post("/sweeps", json=body, headers=bearer(key)).raise_for_status()
    return str(answer.headers["Location"])


def bearer(key: str) -> dict[str, str]:
    """Return the header with a key."""
    return {"Authorization": f"Bearer {key}"}


def wait_for_results(http: httpx.Client, keys: dict[str, str], sweeps: dict[str, str]) -> list[dict[str, Any]]:
    """Return the seconds from the last submission to each student's first epoch and to the end of its sweep."""
    begun = time.perf_counter()
    first: dict[str, float] = {}
    finished: dict[str, float] = {}
    while len(finished) < len(sweeps):
        for name in sweeps.keys() - finished.keys():
            sweep = http.get(sweeps[name], headers=bearer(keys[name])).raise_for_status().json()
            seconds = time.perf_counter() - begun
            if sweep["progress"]["epochs_done"]:
                first.setdefault(name, seconds)
            if sweep["status"] == "succeeded":
                finished[name] = seconds
        time.sleep(0.2)
    return [{"student": name, "first epoch, s": first[name], "finished, s": finished[name]} for name in sweeps]


def count_intrusions(http: httpx.Client, keys: dict[str, str], sweeps: dict[str, str]) -> int:
    """Let each student try to cancel, extend and delete the sweep of the next one. Return how often it succeeded."""
    succeeded, names = 0, list(sweeps)
    for name, victim in zip(names, [*names[1:], names[0]], strict=True):
        for method, path, body in (("POST", "/cancel", None), ("POST", "/runs", {"scales": [9]}), ("DELETE", "", None)):
            answer = http.request(method, f"{sweeps[victim]}{path}", json=body, headers=bearer(keys[name]))
            succeeded += answer.status_code != HTTPStatus.FORBIDDEN
    return succeeded


def main() -> None:
    """Run the class, print a table and write the results as JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench.classroom", description=main.__doc__)
    parser.add_argument("--students", type=int, default=30)
    parser.add_argument("--out", type=Path, default=Path("bench-class.json"))
    arguments = parser.parse_args()

    admin = f"ns_{secrets.token_urlsafe(32)}"
    os.environ["NOISESWEEP_API_KEYS"] = f"teacher:{hash_api_key(admin)}:admin"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with (
            launch(folder / "data", Listener(free_port()), workers=None, log=folder / "log") as processes,
            httpx.Client(base_url=processes.url, trust_env=False, timeout=30) as http,
        ):
            names = [f"student-{number:02}" for number in range(arguments.students)]
            keys = create_keys(processes.url, admin, ["greedy", *names], folder)
            for body in GREED:
                submit(http, keys["greedy"], body)
            sweeps = {each: submit(http, keys[each], HOMEWORK | {"seeds": [seed]}) for seed, each in enumerate(names)}
            intrusions = count_intrusions(http, keys, sweeps)
            rows = wait_for_results(http, keys, sweeps)
            left = http.get("/queue", headers=bearer(admin)).json()["queued_runs"]
    print_table(f"{DATASET}, {len(SCALES)} scales x 1 seed per student, after 500 runs of a greedy student", rows)
    for column in ("first epoch, s", "finished, s"):
        values = [row[column] for row in rows]
        print(f"{column}: median {percentile(values, 0.5):.1f}, last {max(values):.1f}")
    print(f"Runs of the greedy student that still wait: {left}. Successful changes of another's sweep: {intrusions}.")
    arguments.out.write_text(json.dumps({"students": rows, "waiting": left, "intrusions": intrusions}, indent=2) + "\n")
    sys.exit(intrusions > 0)


if __name__ == "__main__":
    main()
