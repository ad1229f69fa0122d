"""The alerts for Prometheus: they ask for what the API tells, and each is seen to fire and not to."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from redis import Redis

from noisesweep.models import EpochMetrics, TrainingConfig
from worker.devices import Device, DeviceKind
from worker.metrics import WorkerMetrics
from worker.presence import Presence, profile

FOLDER = Path(__file__).parents[2] / "deploy" / "prometheus"
RULES, RULE_TESTS, CONFIG = FOLDER / "alerts.yml", FOLDER / "alerts_test.yml", FOLDER / "prometheus.yml"
CPU = Device(DeviceKind.CPU, processes=2, stack=1, xla=False, reason="no GPU on this host")
EPOCH = EpochMetrics(epoch=0, loss=1, accuracy=0.5, val_loss=1, val_accuracy=0.5, seconds=1.5)
# A figure and, where they follow, what is asked of its labels.
SELECTOR = re.compile(r'\b(noisesweep_\w+)(?:\{((?:[^"}]|"[^"]*")*)\})?')
# What Prometheus adds by itself.
TARGET = {"instance", "job"}


@pytest.fixture
def told(http: httpx.Client, redis: Redis) -> dict[str, set[str]]:
    """The labels of every figure of the API, which has answered a request, with a worker there and an epoch trained."""
    Presence(redis, profile("1@host", CPU, processes=2)).beat()
    WorkerMetrics(redis).epoch(TrainingConfig(), EPOCH, runs=1)
    http.get("/queue")
    families = text_string_to_metric_families(http.get("/metrics").text)
    return {sample.name: set(sample.labels) for family in families for sample in family.samples}


@pytest.fixture
def promtool() -> str:
    found = shutil.which("promtool")
    return found or pytest.skip("promtool is not on the PATH: Debian's package prometheus has it")


def asked_for(text: str) -> Iterator[tuple[str, set[str]]]:
    """Each figure that is named, with the labels that it is chosen by."""
    for name, matchers in SELECTOR.findall(text):
        yield name, set(re.findall(r'(\w+)(?:=~|!~|!=|=)"', matchers))


def rules() -> dict[str, str]:
    """What stands in the file of each alert, by its name."""
    _, *blocks = re.split(r"- alert: ", RULES.read_text())
    return {block.split("\n")[0]: block for block in blocks}


@pytest.mark.parametrize("file", [RULES, RULE_TESTS], ids=lambda file: file.name)
def test_every_figure_asked_for_is_told_with_the_labels_asked_for(file: Path, told: dict[str, set[str]]) -> None:
    asked = list(asked_for(file.read_text()))
    assert len(asked) > len(rules())
    for name, labels in asked:
        assert name in told
        assert labels <= told[name] | TARGET, name


def test_every_label_that_is_grouped_by_is_one_of_what_is_grouped(told: dict[str, set[str]]) -> None:
    grouped = 0
    for block in rules().values():
        known = set[str]().union(*(told[name] for name, _ in asked_for(block)))
        for labels in re.findall(r"\b(?:by|without) \(([\w, ]+)\)", block):
            grouped += 1
            assert set(labels.split(", ")) <= known, block
    assert grouped


def test_a_figure_or_a_label_that_there_is_not_would_be_seen() -> None:
    text = 'rate(noisesweep_nothing_total{cause=~"a}|b", route="/x/{id}"}[5m]) > max(noisesweep_queued_runs)'
    assert list(asked_for(text)) == [
        ("noisesweep_nothing_total", {"cause", "route"}),
        ("noisesweep_queued_runs", set()),
    ]


@pytest.mark.parametrize("alert", rules())
def test_each_alert_has_cases_in_which_it_fires_and_in_which_nothing_does(alert: str) -> None:
    cases = [case for case in re.split(r"- name: ", RULE_TESTS.read_text()) if case.startswith(alert)]
    assert any(f'alertname="{alert}"' in case for case in cases)
    assert any("exp_samples: []" in case for case in cases)


@pytest.mark.parametrize("alert", rules())
def test_each_alert_says_how_urgent_it_is_and_what_to_do(alert: str) -> None:
    assert re.search(r"severity: (critical|warning)\n", rules()[alert])
    assert re.search(r"\n +summary: .+\n +description: ", rules()[alert])


def test_promtool_sees_each_alert_fire_and_not_fire(promtool: str) -> None:
    done = subprocess.run([promtool, "test", "rules", RULE_TESTS], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_finds_no_fault_with_the_configuration_and_the_rules(promtool: str, tmp_path: Path) -> None:
    """But for the key, which is where the configuration looks for it in a container only."""
    key = tmp_path / "key"
    key.touch()
    config = tmp_path / CONFIG.name
    config.write_text(CONFIG.read_text().replace("/run/secrets/metrics_key", str(key)))
    assert str(key) in config.read_text()
    shutil.copy(RULES, tmp_path)
    done = subprocess.run([promtool, "check", "config", config], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(rules())} rules found" in done.stdout
