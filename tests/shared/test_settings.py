import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from shared.settings import Settings


def test_repr_hides_redis_password() -> None:
    assert "hunter2" not in repr(Settings(redis_url="redis://:hunter2@127.0.0.1:6379/0"))


@pytest.mark.parametrize(("host", "loopback"), [
    ("127.0.0.1", True), ("127.8.8.8", True), ("::1", True), ("localhost", True),
    ("0.0.0.0", False), ("::", False), ("10.0.0.1", False), ("example.org", False),
])  # fmt: skip
def test_loopback_addresses_are_recognized(host: str, loopback: bool) -> None:
    assert Settings(host=host).serves_loopback_only is loopback


def test_api_keys_are_parsed_as_names_and_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOISESWEEP_API_KEYS", f"alice:{'a' * 64}, bob:{'b' * 64},")
    assert Settings().api_keys == {"alice": ("a" * 64, "member"), "bob": ("b" * 64, "member")}
    monkeypatch.setenv("NOISESWEEP_API_KEYS", f"teacher:{'a' * 64}:admin")
    assert Settings().api_keys == {"teacher": ("a" * 64, "admin")}
    monkeypatch.setenv("NOISESWEEP_API_KEYS", "")
    assert Settings().api_keys == {}


@pytest.mark.parametrize(("keys", "message"), [
    ("alice", "NAME:SHA256"), ("alice:short", "NAME:SHA256"), (f"a b:{'a' * 64}", "NAME:SHA256"),
    (f"alice:{'A' * 64}", "NAME:SHA256"), (f"alice:{'a' * 64}:boss", "admin, instructor, member, viewer"),
    (f"alice:{'a' * 64},alice:{'b' * 64}", "duplicate key name: alice"),
])  # fmt: skip
def test_malformed_api_keys_are_rejected(keys: str, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Settings(api_keys=keys)


def test_lists_are_split_at_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOISESWEEP_CORS_ORIGINS", "https://a.example, https://b.example")
    assert Settings().cors_origins == ["https://a.example", "https://b.example"]


def test_allowed_hosts_are_normalized() -> None:
    hosts = Settings(allowed_hosts="Example.org, [::1], 127.0.0.1").allowed_hosts
    assert hosts == ["example.org", "::1", "127.0.0.1"]


@pytest.mark.parametrize("host", ["example.org:8000", "https://example.org", "*", "a b"])
def test_invalid_allowed_hosts_are_rejected(host: str) -> None:
    with pytest.raises(ValidationError, match="expected a host name"):
        Settings(allowed_hosts=[host])


@pytest.mark.parametrize("path", ["/noise-lab", "/a/b.c/~d_e", "/..a", "/" + "a" * 199])
def test_root_path_is_a_plain_path(path: str) -> None:
    assert Settings(root_path=path).root_path == path


@pytest.mark.parametrize("path", ["/", "noise-lab", "/noise-lab/", "//a", "/a//b", "/..", "/./a", "/a/../b", "/a b",
    "/a?b", "/%61", "/é", "https://example.org/a", "/a\n", "/" + "a" * 200])  # fmt: skip
def test_invalid_root_path_is_rejected(path: str) -> None:
    with pytest.raises(ValidationError, match="expected a path such as /noise-lab"):
        Settings(root_path=path)


def test_trusted_proxies_are_addresses_and_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOISESWEEP_TRUSTED_PROXIES", "127.0.0.1, 10.1.0.0/16,fd00::/8,")
    assert list(map(str, Settings().trusted_proxies)) == ["127.0.0.1/32", "10.1.0.0/16", "fd00::/8"]
    monkeypatch.setenv("NOISESWEEP_TRUSTED_PROXIES", "")
    assert Settings().trusted_proxies == []


@pytest.mark.parametrize("proxy", ["localhost", "*", "10.1.0.1/16", "127.0.0.1:80", "10.1.0.0/33"])
def test_invalid_trusted_proxies_are_rejected(proxy: str) -> None:
    with pytest.raises(ValidationError, match=f"expected an address .*, received {re.escape(proxy)}"):
        Settings(trusted_proxies=f"127.0.0.1,{proxy}")


@pytest.mark.parametrize("wrong", [
    {"redis_url": "foo://u:hunter2@h"}, {"redis_url": "redis://hunter2/3@h/0"}, {"api_keys": "alice:hunter2"},
])  # fmt: skip
def test_errors_do_not_quote_secrets(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError) as error:
        Settings.model_validate(wrong)
    assert "hunter2" not in str(error.value)


def test_missing_secrets_folder_is_ignored(tmp_path: Path) -> None:
    assert Settings(_secrets_dir=tmp_path / "nowhere").redis_url.get_secret_value() == "redis://127.0.0.1:6379/0"


def test_environment_overrides_secret_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "noisesweep_redis_url").write_text("redis://worker:secret@store:6379/0\n")
    assert Settings(_secrets_dir=tmp_path).redis_url.get_secret_value() == "redis://worker:secret@store:6379/0"
    monkeypatch.setenv("NOISESWEEP_REDIS_URL", "redis://elsewhere:6379/0")
    assert Settings(_secrets_dir=tmp_path).redis_url.get_secret_value() == "redis://elsewhere:6379/0"
