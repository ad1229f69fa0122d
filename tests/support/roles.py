"""Redis users with limited permissions."""

import secrets
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from redis import Redis

from shared.store.functions import LIBRARY
from tests.support.redis_server import RedisServer

ROLES = Path(__file__).parents[2] / "deploy" / "redis" / "roles"
PASSWORD = "hunter2"  # noqa: S105 - test data


def add_user(server: RedisServer, *rules: str, name: str = "limited", password: str = PASSWORD) -> str:
    """Add a user with these ACL rules, or replace it. Return the URL for the user."""
    server.client.execute_command("ACL", "SETUSER", name, "reset", "on", f">{password}", *rules)  # type: ignore[no-untyped-call]
    return server.url.replace("redis://", f"redis://{name}:{password}@")


def rules_of(role: str) -> Sequence[str]:
    """Return the ACL rules of a role in deploy/redis/roles."""
    lines = (ROLES / role).read_text().splitlines()
    return [rule for line in lines if not line.startswith("#") for rule in line.split()]


class Roles:
    """Store with one user per role and no default user.

    Attributes:
        server: The server, with a connection from before the default user was disabled, which may load the functions.
    """

    def __init__(self, folder: Path) -> None:
        self.server = RedisServer(folder, options=("--enable-debug-command", "yes"))
        self._urls = {
            path.name: add_user(self.server, *rules_of(path.name), name=path.name, password=secrets.token_hex(8))
            for path in ROLES.iterdir()
        }
        # The open connection of the test stays authenticated. New connections are rejected.
        self.server.client.execute_command("ACL", "SETUSER", "default", "resetpass")  # type: ignore[no-untyped-call]

    def url(self, role: str) -> str:
        return self._urls[role]

    def client(self, role: str) -> "closing[Redis]":
        return closing(Redis.from_url(self.url(role), decode_responses=True, socket_timeout=10))

    def pop_denials(self) -> object:
        """Return and clear the log of commands that the ACL has denied."""
        log = self.server.client.acl_log()
        self.server.client.acl_log_reset()
        return log

    def load_functions(self) -> None:
        self.server.client.function_load(LIBRARY, replace=True)
