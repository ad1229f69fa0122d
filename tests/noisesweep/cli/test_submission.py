"""The command `submit`."""

import json
import re

from noisesweep import NoiseSweep
from tests.support.commands import SMALL, Run


def test_submit_sends_all_options(run: Run, service: NoiseSweep) -> None:
    options = "--seeds 3 4 --batch-size 32 --dropout 0.1 --learning-rate 0.01 --precision mixed_bfloat16"
    options += " --noise-on train --clip --resample --keep-model --no-reuse --include-clean --tags a:b c:d --name x"
    submitted = run("submit", "--scales", "0.1", "1", *SMALL, *options.split(), "--json")
    assert submitted.returncode == 0, submitted.stderr
    record = json.loads(submitted.stdout)
    assert (record["scales"], record["seeds"], record["tags"]) == ([0, 0.1, 1], [3, 4], {"a": "b", "c": "d"})
    config = record["config"]
    assert (config["batch_size"], config["noise_on"]) == (32, "train")
    assert config["model"] == {"kind": "mlp", "hidden_units": [8]}
    assert (config["dropout"], config["learning_rate"], config["precision"]) == (0.1, 0.01, "mixed_bfloat16")
    assert (config["clip"], config["resample"], record["name"]) == (True, True, "x")
    assert all(each["keep_model"] for each in record["runs"])
    assert service.sweep(record["id"]).record.model_dump(mode="json") == record


def test_submit_offers_the_severities_of_imagenet_c(run: Run) -> None:
    tests = ("--test-noise", "gaussian:0.5,1", "uniform:1")
    record = json.loads(run("submit", "--imagenet-c", "--noise", "shot", *tests, *SMALL, "--json").stdout)
    assert (record["config"]["noise"], record["config"]["clip"]) == ("shot", True)
    assert record["config"]["test_noise"] == {"gaussian": [0.5, 1], "uniform": [1]}
    assert record["scales"] == [0.129, 0.2, 0.289, 0.447, 0.577]


def test_submit_describes_a_convolutional_network(run: Run) -> None:
    small = ("--scales", "0.1", "--dataset", "digits", "--epochs", "1", "--model", "cnn")
    record = json.loads(run("submit", *small, "--filters", "4", "8", "--kernel-size", "3", "--json").stdout)
    expected = {"kind": "cnn", "filters": [4, 8], "kernel_size": 3, "dense_units": [500]}
    assert record["config"]["model"] == expected
    refused = run("submit", *small, "--hidden-units", "8")
    assert refused.returncode == 2
    assert "--hidden-units: expected it with --model mlp, received --model cnn" in refused.stderr


def test_submit_explains_the_next_step(run: Run) -> None:
    submitted = run("submit", "--scales", "0.1", *SMALL)
    assert submitted.returncode == 0
    sweep = re.match("Sweep ([0-9a-f]{16}): queued, 0 of 2 epochs; digits at scale 0.1\n", submitted.stdout)
    assert sweep
    assert "no worker is alive" in submitted.stdout
    assert f"`noisesweep watch {sweep[1]}`" in submitted.stdout


def test_dry_run_submits_nothing(run: Run) -> None:
    output = run("submit", "--scales", "0.1", "1", "--repeats", "3", "--dry-run").stdout
    assert output.startswith("6 runs. Already in the queue: 0. Estimated time: unknown (")
    assert json.loads(run("submit", "--scales", "0.1", "1", "--dry-run", "--json").stdout)["runs"] == 2
    assert run("list").stdout == "There are no sweeps yet: submit one with `noisesweep submit`.\n"
    assert json.loads(run("list", "--json").stdout) == []
