from pathlib import Path

import pytest
from pydantic import ValidationError

from shared.settings import Settings


def test_the_password_of_the_store_shows_in_no_repr() -> None:
    assert "hunter2" not in repr(Settings(redis_url="redis://:hunter2@127.0.0.1:6379/0"))


@pytest.mark.parametrize(("host", "loopback"), [
    ("127.0.0.1", True), ("127.8.8.8", True), ("::1", True), ("localhost", True),
    ("0.0.0.0", False), ("::", False), ("10.0.0.1", False), ("example.org", False),
])  # fmt: skip
def test_only_addresses_of_this_machine_count_as_loopback(host: str, loopback: bool) -> None:
    assert Settings(host=host).serves_loopback_only is loopback


def test_api_keys_are_names_and_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOISESWEEP_API_KEYS", f"alice:{'a' * 64}, bob:{'b' * 64},")
    assert Settings().api_keys == {"alice": "a" * 64, "bob": "b" * 64}
    monkeypatch.setenv("NOISESWEEP_API_KEYS", "")
    assert Settings().api_keys == {}


@pytest.mark.parametrize(("keys", "said"), [
    ("alice", "NAME:SHA256"), ("alice:short", "NAME:SHA256"), (f"a b:{'a' * 64}", "NAME:SHA256"),
    (f"alice:{'A' * 64}", "NAME:SHA256"), (f"alice:{'a' * 64},alice:{'b' * 64}", "alice stands twice"),
])  # fmt: skip
def test_api_keys_that_are_none_are_refused(keys: str, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Settings(api_keys=keys)


def test_lists_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOISESWEEP_CORS_ORIGINS", "https://a.example, https://b.example")
    assert Settings().cors_origins == ["https://a.example", "https://b.example"]


def test_hosts_are_bare_names_in_any_case() -> None:
    hosts = Settings(allowed_hosts="Example.org, [::1], 127.0.0.1").allowed_hosts
    assert hosts == ["example.org", "::1", "127.0.0.1"]


@pytest.mark.parametrize("host", ["example.org:8000", "https://example.org", "*", "a b"])
def test_hosts_that_would_match_nothing_are_refused(host: str) -> None:
    with pytest.raises(ValidationError, match="no host name"):
        Settings(allowed_hosts=[host])


@pytest.mark.parametrize("wrong", [
    {"redis_url": "foo://u:hunter2@h"}, {"redis_url": "redis://hunter2/3@h/0"}, {"api_keys": "alice:hunter2"},
])  # fmt: skip
def test_what_is_wrong_is_not_shown_for_it_may_be_a_secret(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError) as refused:
        Settings.model_validate(wrong)
    assert "hunter2" not in str(refused.value)


def test_secrets_that_this_user_may_not_see_are_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("shared.settings.SECRETS", tmp_path / "nowhere")
    assert Settings().redis_url.get_secret_value() == "redis://127.0.0.1:6379/0"


def test_a_container_finds_the_store_in_its_secrets_and_the_environment_overrules_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("shared.settings.SECRETS", tmp_path)
    (tmp_path / "noisesweep_redis_url").write_text("redis://worker:secret@store:6379/0\n")
    assert Settings().redis_url.get_secret_value() == "redis://worker:secret@store:6379/0"
    monkeypatch.setenv("NOISESWEEP_REDIS_URL", "redis://elsewhere:6379/0")
    assert Settings().redis_url.get_secret_value() == "redis://elsewhere:6379/0"
