"""Time of a sweep over the five scales of the original notebook, compared with the notebook's code.

    a  The notebook's loop over the scales: draw noise with NumPy, build a model, `fit`. One process on all cores.
    b  This service on one machine, from POST /sweeps until the sweep has succeeded. The start of the service is not
       included.

Run it with `make bench-sweep`, or for a short test with `make bench-sweep ARGS="--epochs 2"`.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx

from bench import data
from noisesweep.local.launcher import free_port, launch
from noisesweep.local.listener import Listener
from noisesweep.models import Precision, RunStatus, Sweep

SCALES = [0.1, 0.5, 1.0, 2.0, 4.0]
# Makes the workers import TensorFlow and load the data set. The code of (a) also does this before its timer starts.
WARM_UP = {"epochs": 1, "hidden_units": [8], "scales": [0.1, 0.5]}

NOTEBOOK = """
import sys, time
import keras, numpy as np
from bench import data
from shared.datasets import to_pixels
from noisesweep.models import TrainingConfig
from worker.trainer.keras_export import build_model

epochs, scales = int(sys.argv[1]), [float(scale) for scale in sys.argv[2:]]
dataset = data.load()
train, test = to_pixels(dataset.training_images), to_pixels(dataset.validation_images)
begun = time.perf_counter()
for scale in scales:
    noisy_train = train + np.random.normal(scale=scale, size=train.shape)
    noisy_test = test + np.random.normal(scale=scale, size=test.shape)
    model = build_model(TrainingConfig(), (28, 28), classes=10)
    model.fit(noisy_train, dataset.training_labels, batch_size=128, epochs=epochs, verbose=0,
              validation_data=(noisy_test, dataset.validation_labels))
print(time.perf_counter() - begun)
"""


def notebook(epochs: int) -> float:
    """Run the notebook's loop in a new process, and return its duration in seconds."""
    command = [sys.executable, "-c", NOTEBOOK, str(epochs), *map(str, SCALES)]
    answer = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603 - constant code
    return float(answer.stdout)


def service(http: httpx.Client, epochs: int, dataset: str, precision: Precision) -> float:
    """Return the seconds from POST /sweeps until the sweep has succeeded, and print the last metrics of each run."""
    body = {"scales": SCALES, "epochs": epochs, "dataset": dataset, "precision": precision, "reuse": False}
    begun = time.perf_counter()
    sweep = run_sweep(http, body)
    seconds = time.perf_counter() - begun
    for run in sweep.runs:
        print(f"    scale {run.scale:<4g} {run.latest_metrics}")
    return seconds


def run_sweep(http: httpx.Client, body: dict[str, object]) -> Sweep:
    """Submit a sweep, wait until it has succeeded, and return it."""
    location = http.post("/sweeps", json=body).raise_for_status().headers["Location"]
    while True:
        sweep = Sweep.model_validate_json(http.get(location).raise_for_status().content)
        if sweep.status.is_final:
            assert sweep.status is RunStatus.SUCCEEDED, sweep  # noqa: S101 - a failed sweep invalidates the measurement
            return sweep
        time.sleep(0.05)


def main() -> None:
    """Run the sweep benchmark, print a table and write the results as JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench.sweep", description=main.__doc__)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--out", type=Path, default=Path("bench-sweep.json"))
    arguments = parser.parse_args()

    name = data.load().name
    seconds: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        with (
            launch(Path(folder), Listener(free_port()), workers=None, log=Path(folder) / "log") as processes,
            httpx.Client(base_url=processes.url, trust_env=False) as http,
        ):
            run_sweep(http, WARM_UP | {"dataset": name})
            for precision in Precision:
                print(f"  b service, {precision}", flush=True)
                seconds[f"b service, {precision}"] = service(http, arguments.epochs, name, precision)
        seconds["a notebook"] = notebook(arguments.epochs)
    print(f"{name}, {len(SCALES)} scales, {arguments.epochs} epochs: seconds for the sweep")
    for contender, measured in seconds.items():
        print(f"  {contender:32} {measured:8.1f}   speed-up {seconds['a notebook'] / measured:.2f}")
    report = {"dataset": name, "epochs": arguments.epochs, "seconds": seconds}
    arguments.out.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
