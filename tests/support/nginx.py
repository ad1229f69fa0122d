"""nginx with TLS in front of an API, as docs/how-to/proxy.md configures it."""

import os
import re
import shutil
import socket
import ssl
import subprocess
from pathlib import Path

import httpx
import pytest

from noisesweep.local.launcher import LOOPBACK, free_port
from tests.support.concurrency import NO_LIMITS
from tests.support.tls import CertificateAuthority
from tests.support.waiting import wait_until

GUIDE = Path(__file__).parents[2] / "docs" / "how-to" / "proxy.md"
# The path in the guide.
ROOT_PATH = "/noise-lab"
# One process without privileges, which writes only to its folder.
MAIN = """\
daemon off;
master_process off;
pid nginx.pid;
error_log error.log;
events {}
http {
access_log access.log;
client_body_temp_path body;
proxy_temp_path proxy;
fastcgi_temp_path fastcgi;
scgi_temp_path scgi;
uwsgi_temp_path uwsgi;
"""


def nginx_or_skip() -> str:
    """Return the path of nginx. Skip the test if it is not installed; in CI, fail."""
    # Debian installs it in a folder that is on the PATH of root only.
    binary = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if binary is None:
        reason = "nginx is not installed (Debian and Ubuntu: apt-get install nginx-light)"
        if os.environ.get("CI") == "true":
            pytest.fail(f"CI needs nginx: {reason}")
        pytest.skip(reason)
    return binary


def documented_servers() -> list[str]:
    """Return the nginx configurations in the guide: at the root of a host, and below ROOT_PATH."""
    return re.findall(r"```nginx\n(.*?)```", GUIDE.read_text(), re.DOTALL)


class Nginx:
    """nginx on a port of loopback, with a certificate for localhost.

    Args:
        folder: Folder for the files of nginx.
        authority: Authority that issues the certificate.
        upstream: URL of the API.
        server: A configuration from `documented_servers`.

    Attributes:
        url: URL of the host.
        http: A client of the host.
    """

    def __init__(self, folder: Path, authority: CertificateAuthority, upstream: str, server: str) -> None:
        binary = nginx_or_skip()
        pair = authority.issue(f"DNS:localhost,IP:{LOOPBACK}")
        self.port = free_port()
        self.url = f"https://localhost:{self.port}"
        for documented, here in (
            ("listen 443 ssl;", f"listen {LOOPBACK}:{self.port} ssl;"),
            ("/etc/ssl/noise.crt", str(pair.certificate)),
            ("/etc/ssl/noise.key", str(pair.key)),
            ("http://127.0.0.1:8000", upstream),
        ):
            assert server.count(documented) == 1
            server = server.replace(documented, here)
        (folder / "nginx.conf").write_text(f"{MAIN}{server}}}\n")
        self._tls = ssl.create_default_context(cafile=str(authority.certificate))
        self.http = httpx.Client(base_url=self.url, verify=self._tls, timeout=30, limits=NO_LIMITS, trust_env=False)
        with (folder / "output.log").open("wb") as output:
            self._process = subprocess.Popen(
                [binary, "-p", folder, "-c", "nginx.conf"],
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        wait_until(lambda: self._is_listening(folder))

    def connect(self) -> socket.socket:
        """Return a new connection."""
        connection = socket.create_connection((LOOPBACK, self.port), timeout=30)
        return self._tls.wrap_socket(connection, server_hostname="localhost")

    def close(self) -> None:
        self.http.close()
        self._process.terminate()
        self._process.wait(timeout=30)

    def _is_listening(self, folder: Path) -> bool:
        assert self._process.poll() is None, (folder / "output.log").read_text()
        with socket.socket() as probe:
            return probe.connect_ex((LOOPBACK, self.port)) == 0
