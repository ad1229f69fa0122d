"""The commands `keys list | add | revoke`."""

import csv
import json
import stat
from pathlib import Path

import httpx
import pytest

from tests.noisesweep.cli.conftest import ServeWithKeys
from tests.support.commands import Run
from tests.support.keys import bearer


@pytest.fixture
def http(serve_with_keys: ServeWithKeys) -> httpx.Client:
    """Return a client of a service with keys, whose administrator runs the commands."""
    return serve_with_keys("member", boss="admin")


def name_and_role(http: httpx.Client, secret: str) -> list[str]:
    caller = http.get("/whoami", headers={"Authorization": f"Bearer {secret}"}).raise_for_status().json()
    return [caller["name"], caller["role"]]


def names(http: httpx.Client) -> list[str]:
    return [key["name"] for key in http.get("/keys", headers=bearer("boss")).json()["keys"]]


def test_a_key_is_created_listed_and_revoked(run: Run, http: httpx.Client) -> None:
    added = run("keys", "add", "alice", "--role", "instructor", "--expires", "2099-01-02")
    assert added.returncode == 0, added.stderr
    secret = added.stdout.split("\n    ")[1].split()[0]
    assert name_and_role(http, secret) == ["alice", "instructor"]
    listed = run("keys", "list").stdout
    assert all(text in listed for text in ("alice", "instructor", secret[:8], "2099-01-02", "(settings)"))
    assert secret not in listed
    assert [key["name"] for key in json.loads(run("keys", "list", "--json").stdout)] == ["alice", "boss", "member"]
    assert run("keys", "revoke", "alice").stdout == "Key of alice revoked.\n"
    assert run("keys", "revoke", "alice").returncode == 2


@pytest.mark.parametrize("roster", [
    "ada\nbob\n", "name\nada\nbob\n", "\ufeffemail,Name\na@x.org, ada \nb@x.org,bob\n\n",
])  # fmt: skip
def test_a_roster_becomes_a_file_of_keys(run: Run, http: httpx.Client, tmp_path: Path, roster: str) -> None:
    (tmp_path / "roster.csv").write_text(roster)
    out = tmp_path / "keys.csv"
    added = run("keys", "add", "--from", str(tmp_path / "roster.csv"), "--out", str(out))
    assert added.returncode == 0, added.stderr
    assert f"2 keys saved to {out}" in added.stdout
    rows = list(csv.DictReader(out.read_text().splitlines()))
    assert [name_and_role(http, row["key"]) for row in rows] == [["ada", "member"], ["bob", "member"]]
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert not any(row["key"] in added.stdout for row in rows)


@pytest.mark.parametrize(("roster", "message"), [
    ("ada\nAda Lovelace\n", "received 'Ada Lovelace'"),
    ("ada\nbob\nada\n", "the name ada occurs 2 times: nothing was created"),
    ("ada\nboss\n", "there are keys of boss: nothing was created"),
    ("email,name\na@x.org\n", "received ''"),
    ("", "expected a name"),
])  # fmt: skip
def test_a_wrong_roster_creates_nothing(
    run: Run, http: httpx.Client, tmp_path: Path, roster: str, message: str
) -> None:
    (tmp_path / "roster.csv").write_text(roster)
    refused = run("keys", "add", "--from", str(tmp_path / "roster.csv"), "--out", str(tmp_path / "keys.csv"))
    assert refused.returncode == 2
    assert message in refused.stderr
    assert not (tmp_path / "keys.csv").exists()
    assert names(http) == ["boss", "member"]


def test_a_file_of_keys_is_never_overwritten(run: Run, http: httpx.Client, tmp_path: Path) -> None:
    (tmp_path / "keys.csv").write_text("name,key\nada,ns_lost\n")
    refused = run("keys", "add", "bob", "--out", str(tmp_path / "keys.csv"))
    assert (refused.returncode, "exists: choose another file" in refused.stderr) == (2, True)
    assert (tmp_path / "keys.csv").read_text() == "name,key\nada,ns_lost\n"
    assert names(http) == ["boss", "member"]


def test_several_keys_are_not_printed(run: Run, http: httpx.Client) -> None:
    refused = run("keys", "add", "ada", "bob")
    assert (refused.returncode, "add --out keys.csv" in refused.stderr) == (2, True)
    assert names(http) == ["boss", "member"]


def test_a_member_is_told_what_is_missing(run: Run, http: httpx.Client) -> None:
    refused = run("keys", "list", "--key", "ns_member")
    assert refused.returncode == 2
    assert "This needs a key with the role admin or instructor" in refused.stderr


def test_a_sweep_is_shared_and_the_link_is_revoked(run: Run, http: httpx.Client) -> None:
    body = {"scales": [0.5], "dataset": "digits", "epochs": 1}
    sweep_id = http.post("/sweeps", json=body, headers=bearer("member")).raise_for_status().json()["id"]
    shared = run("share", "last", "--days", "3")
    assert shared.returncode == 0, shared.stderr
    link, token = shared.stdout.split("\n    ")[1].strip().split("#share=")
    assert link == str(http.base_url.join(f"/ui/sweeps/{sweep_id}"))
    assert http.get(f"/sweeps/{sweep_id}", headers={"Authorization": f"Bearer {token}"}).status_code == 200
    (listed,) = json.loads(run("share", "last", "--list", "--json").stdout)
    assert listed["created_by"] == "boss"
    assert listed["id"] in run("share", "last", "--list").stdout
    assert run("share", "last", "--revoke", listed["id"]).stdout == f"Link {listed['id']} revoked.\n"
    assert http.get(f"/sweeps/{sweep_id}", headers={"Authorization": f"Bearer {token}"}).status_code == 401
    refused = run("share", "last", "--days", "0")
    assert (refused.returncode, "expires" in refused.stderr) == (2, True)


def test_the_list_of_sweeps_names_submitters_and_filters_by_them(run: Run, http: httpx.Client) -> None:
    for name in ("member", "boss"):
        body = {"scales": [0.5], "dataset": "digits", "epochs": 1}
        http.post("/sweeps", json=body, headers=bearer(name)).raise_for_status()
    assert [line.split()[3] for line in run("list").stdout.splitlines()] == ["boss", "member"]
    assert [line.split()[3] for line in run("list", "--submitter", "member").stdout.splitlines()] == ["member"]
