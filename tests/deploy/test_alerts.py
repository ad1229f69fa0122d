"""Prometheus alerts: they use existing metrics and labels, and each has cases with and without an alert."""

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
# A metric name, followed by its label matchers if any.
SELECTOR = re.compile(r'\b(noisesweep_\w+)(?:\{((?:[^"}]|"[^"]*")*)\})?')
# Labels that Prometheus adds.
TARGET = {"instance", "job"}


@pytest.fixture
def exported_labels(http: httpx.Client, redis: Redis) -> dict[str, set[str]]:
    """Return the labels of all exported metrics, after a request, a worker heartbeat and an epoch."""
    Presence(redis, profile("1@host", CPU, processes=2)).beat()
    WorkerMetrics(redis).count_epoch(TrainingConfig(), "cpu", EPOCH, runs=1)
    http.get("/queue")
    families = text_string_to_metric_families(http.get("/metrics").text)
    return {sample.name: set(sample.labels) for family in families for sample in family.samples}


@pytest.fixture
def promtool() -> str:
    found = shutil.which("promtool")
    return found or pytest.skip("promtool is not on the PATH; it is in Debian's package prometheus")


def selected_metrics(text: str) -> Iterator[tuple[str, set[str]]]:
    """Yield each metric in a PromQL text, with the labels in its matchers."""
    for name, matchers in SELECTOR.findall(text):
        yield name, set(re.findall(r'(\w+)(?:=~|!~|!=|=)"', matchers))


def rules() -> dict[str, str]:
    """Return the text of each alert in the rule file, by its name."""
    _, *blocks = re.split(r"- alert: ", RULES.read_text())
    return {block.split("\n")[0]: block for block in blocks}


@pytest.mark.parametrize("file", [RULES, RULE_TESTS], ids=lambda file: file.name)
def test_every_selected_metric_and_label_is_exported(file: Path, exported_labels: dict[str, set[str]]) -> None:
    selected = list(selected_metrics(file.read_text()))
    assert len(selected) > len(rules())
    for name, labels in selected:
        assert name in exported_labels
        assert labels <= exported_labels[name] | TARGET, name


def test_alerts_group_by_labels_of_their_metrics(exported_labels: dict[str, set[str]]) -> None:
    grouped = 0
    for block in rules().values():
        known = set[str]().union(*(exported_labels[name] for name, _ in selected_metrics(block)))
        for labels in re.findall(r"\b(?:by|without) \(([\w, ]+)\)", block):
            grouped += 1
            assert set(labels.split(", ")) <= known, block
    assert grouped


def test_selected_metrics_finds_names_and_labels() -> None:
    text = 'rate(noisesweep_nothing_total{cause=~"a}|b", route="/x/{id}"}[5m]) > max(noisesweep_queued_runs)'
    assert list(selected_metrics(text)) == [
        ("noisesweep_nothing_total", {"cause", "route"}),
        ("noisesweep_queued_runs", set()),
    ]


@pytest.mark.parametrize("alert", rules())
def test_each_alert_has_firing_and_silent_cases(alert: str) -> None:
    cases = [case for case in re.split(r"- name: ", RULE_TESTS.read_text()) if case.startswith(alert)]
    assert any(f'alertname="{alert}"' in case for case in cases)
    assert any("exp_samples: []" in case for case in cases)


@pytest.mark.parametrize("alert", rules())
def test_each_alert_has_severity_summary_and_description(alert: str) -> None:
    assert re.search(r"severity: (critical|warning)\n", rules()[alert])
    assert re.search(r"\n +summary: .+\n +description: ", rules()[alert])


def test_alert_cases_pass_in_promtool(promtool: str) -> None:
    done = subprocess.run([promtool, "test", "rules", RULE_TESTS], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_configuration_and_rules_are_valid_in_promtool(promtool: str, tmp_path: Path) -> None:
    # The configured path of the key exists only in a container.
    key = tmp_path / "key"
    key.touch()
    config = tmp_path / CONFIG.name
    config.write_text(CONFIG.read_text().replace("/run/secrets/metrics_key", str(key)))
    assert str(key) in config.read_text()
    shutil.copy(RULES, tmp_path)
    done = subprocess.run([promtool, "check", "config", config], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(rules())} rules found" in done.stdout
