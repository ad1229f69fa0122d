from pathlib import Path

import pytest

from worker.limits import core_quota, free_memory, machine_memory, memory_limit


@pytest.mark.parametrize(
    ("limit", "cores"),
    [("200000 100000\n", 2.0), ("150000 100000\n", 1.5), ("5000 50000\n", 0.1), ("max 100000\n", None)],
)
def test_the_cpu_limit_is_quota_divided_by_period(tmp_path: Path, limit: str, cores: float | None) -> None:
    (tmp_path / "cpu.max").write_text(limit)
    assert core_quota(tmp_path) == cores


def test_a_memory_limit_below_the_machines_memory_counts(tmp_path: Path) -> None:
    for limit, bytes_ in [("1000000\n", 1_000_000), ("max\n", None), (f"{2 * machine_memory()}\n", None)]:
        (tmp_path / "memory.max").write_text(limit)
        assert memory_limit(tmp_path) == bytes_


def test_without_a_container_there_are_no_limits(tmp_path: Path) -> None:
    assert core_quota(tmp_path) is None
    assert memory_limit(tmp_path) is None
    assert 0 < free_memory(tmp_path) <= machine_memory()


def test_free_memory_respects_the_container_limit(tmp_path: Path) -> None:
    (tmp_path / "memory.current").write_text("700000\n")
    (tmp_path / "memory.stat").write_text("anon 1\ninactive_file 200000\n")
    (tmp_path / "memory.max").write_text("1000000\n")
    assert free_memory(tmp_path) == 500_000  # the kernel can free inactive file caches
    for no_limit in ("max\n", f"{2 * machine_memory()}\n"):
        (tmp_path / "memory.max").write_text(no_limit)
        assert 500_000 < free_memory(tmp_path) <= machine_memory()
