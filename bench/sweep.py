"""A whole sweep: the notebook's five scales from POST to the last metric, against the notebook's code doing the same.

    a  the notebook's loop: for each scale draw noise with NumPy, build, `fit` for all epochs; one process, all cores
    b  this service on one machine, started before the clock: POST /sweeps until the sweep has succeeded

Run it by `make bench-sweep`; `ARGS="--epochs 2"` shortens it.
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
from noisesweep.local.launcher import launch
from noisesweep.models import Precision, RunStatus, Sweep

SCALES = [0.1, 0.5, 1.0, 2.0, 4.0]
# A first, tiny sweep lets the workers import TensorFlow and load the data; the notebook had done so too.
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
    model = build_model(TrainingConfig(), pixels=train.shape[1])
    model.fit(noisy_train, dataset.training_labels, batch_size=128, epochs=epochs, verbose=0,
              validation_data=(noisy_test, dataset.validation_labels))
print(time.perf_counter() - begun)
"""


def notebook(epochs: int) -> float:
    """Return the seconds that the notebook's loop takes."""
    command = [sys.executable, "-c", NOTEBOOK, str(epochs), *map(str, SCALES)]
    answer = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603 - the text above
    return float(answer.stdout)


def service(http: httpx.Client, epochs: int, dataset: str, precision: Precision) -> float:
    """Return the seconds from POST /sweeps until the sweep has succeeded."""
    body = {"scales": SCALES, "epochs": epochs, "dataset": dataset, "precision": precision, "reuse": False}
    begun = time.perf_counter()
    sweep = finished(http, body)
    seconds = time.perf_counter() - begun
    for run in sweep.runs:
        print(f"    scale {run.scale:<4g} {run.latest_metrics}")
    return seconds


def finished(http: httpx.Client, body: dict[str, object]) -> Sweep:
    """Submit a sweep and wait for it."""
    location = http.post("/sweeps", json=body).raise_for_status().headers["Location"]
    while True:
        sweep = Sweep.model_validate_json(http.get(location).raise_for_status().content)
        if sweep.status.is_final:
            assert sweep.status is RunStatus.SUCCEEDED, sweep  # noqa: S101 - else there is nothing to measure
            return sweep
        time.sleep(0.05)


def main() -> None:
    """Measure, print the table, write the JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench.sweep", description=main.__doc__)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--out", type=Path, default=Path("bench-sweep.json"))
    arguments = parser.parse_args()

    name = data.load().name
    seconds: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        with (
            launch(Path(folder), port=None, workers=None, log=Path(folder) / "log") as stack,
            httpx.Client(base_url=stack.url, trust_env=False) as http,
        ):
            finished(http, WARM_UP | {"dataset": name})
            for precision in Precision:
                print(f"  b service, {precision}", flush=True)
                seconds[f"b service, {precision}"] = service(http, arguments.epochs, name, precision)
        seconds["a notebook"] = notebook(arguments.epochs)
    print(f"{name}, {len(SCALES)} scales, {arguments.epochs} epochs: seconds for the sweep")
    for contender, measured in seconds.items():
        print(f"  {contender:32} {measured:8.1f}   a/this {seconds['a notebook'] / measured:.2f}")
    report = {"dataset": name, "epochs": arguments.epochs, "seconds": seconds}
    arguments.out.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
