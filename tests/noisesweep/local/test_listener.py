"""`noisesweep up` for other machines: addresses, keys and encryption."""

import ssl
from pathlib import Path

import httpx
import pytest

from noisesweep.local.launcher import free_port
from noisesweep.models import hash_api_key
from tests.support.command_line import CommandLine
from tests.support.keys import bearer
from tests.support.tls import CertificateAuthority


def test_up_serves_other_machines_with_keys_and_encryption(
    command_line: CommandLine, tmp_path: Path, authority: CertificateAuthority
) -> None:
    pair, port = authority.issue("IP:127.0.0.1"), free_port()
    options = ["up", "--host", "0.0.0.0", "--port", str(port), "--data", "data", "--workers", "1"]
    options += ["--tls-cert", str(pair.certificate), "--tls-key", str(pair.key)]
    process = command_line.start(*options, NOISESWEEP_API_KEYS=f"boss:{hash_api_key('ns_boss')}:admin")
    assert process.stdout
    lines = iter(process.stdout.readline, "")
    welcome = next(line for line in lines if line.endswith("/ui\n"))
    assert welcome.startswith("https://")
    assert "127.0.0.1" not in welcome
    trusted = ssl.create_default_context(cafile=str(authority.certificate))
    answer = httpx.get(f"https://127.0.0.1:{port}/whoami", headers=bearer("boss"), verify=trusted)
    assert (answer.json()["name"], answer.json()["role"]) == ("boss", "admin")
    assert httpx.get(f"https://127.0.0.1:{port}/sweeps", verify=trusted).status_code == 401


def test_up_refuses_other_machines_without_keys(command_line: CommandLine) -> None:
    refused = command_line.start("up", "--host", "0.0.0.0", "--port", str(free_port()))
    output, _ = refused.communicate(timeout=60)
    assert refused.returncode == 1
    assert "Other machines could use a service at 0.0.0.0 without a key" in output
    assert command_line.processes() == []


@pytest.mark.parametrize(("host", "options", "message"), [
    ("here", [], "expected an IP address such as 0.0.0.0, received 'here'"),
    ("127.0.0.1", ["--tls-cert", __file__], "HTTPS needs both --tls-cert and --tls-key"),
    ("127.0.0.1", ["--tls-cert", __file__, "--tls-key", __file__], "not a certificate and its key in PEM format"),
])  # fmt: skip
def test_up_refuses_an_unusable_address(command_line: CommandLine, host: str, options: list[str], message: str) -> None:
    refused = command_line.start("up", "--host", host, "--port", str(free_port()), *options)
    output, _ = refused.communicate(timeout=60)
    assert refused.returncode == 1
    assert message in output
