"""Hosts of their own on one machine: network namespaces around a router, with links that can be cut.

It takes Linux, the right to administer networks, and `ip` of iproute2. The machine's own network gets one interface and
one route, until the network is closed.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

# Private addresses, among which a range is looked for that this machine has no route to.
PRIVATE = IPv4Network("10.192.0.0/10")
INTERFACE = "eth0"


class NoNetworkError(Exception):
    """This machine makes no network for this user; the message says what it refused."""


@dataclass(frozen=True)
class Host:
    """A network namespace with one interface, whose other end is a port of the router."""

    namespace: str
    address: IPv4Address
    router: str
    port: str
    gateway: IPv4Address

    @property
    def within(self) -> list[str]:
        """What stands before a command that is to run there; it becomes that command, in the same process."""
        return within(self.namespace)

    def connect(self) -> None:
        """Bring the interface up, with the one way out."""
        run("ip", "-n", self.namespace, "link", "set", "dev", INTERFACE, "up")
        run("ip", "-n", self.namespace, "route", "add", "default", "via", str(self.gateway))


# Cuts a host off until the end of the `with`.
Cut = Callable[[Host], AbstractContextManager[None]]


@contextmanager
def answers_lost(host: Host) -> Iterator[None]:
    """What the host sends arrives; what is sent to it vanishes, and nobody is told."""
    route = ["blackhole", f"{host.address}/32"]
    run("ip", "-n", host.router, "route", "add", *route)
    try:
        yield
    finally:
        run("ip", "-n", host.router, "route", "del", *route)


@contextmanager
def black_hole(host: Host) -> Iterator[None]:
    """What the host sends vanishes, and what is sent to it; nobody is told."""
    with answers_lost(host):
        configure(host.router, host.port, "forwarding", 0)
        try:
            yield
        finally:
            configure(host.router, host.port, "forwarding", 1)


@contextmanager
def pulled_cable(host: Host) -> Iterator[None]:
    """The host has no network and knows it: connections that it makes fail at once."""
    run("ip", "-n", host.namespace, "link", "set", "dev", INTERFACE, "down")
    try:
        yield
    finally:
        host.connect()


class Network:
    """A router with a link to this machine, and one to each host that is added.

    Raises:
        NoNetworkError: This machine does not make it.
    """

    def __init__(self) -> None:
        if not shutil.which("ip"):
            raise NoNetworkError("there is no `ip` (iproute2)")
        self._name = f"ns{os.getpid()}"
        self._cleanup = ExitStack()
        try:
            addresses = unused_range()
            self._links = addresses.subnets(new_prefix=30)
            self._router = self._add_namespace("router")
            configure(self._router, "all", "forwarding", 1)
            for interfaces in ("all", "default"):  # else a host that no route leads to could not send either
                configure(self._router, interfaces, "rp_filter", 0)
            gateway, address = next(self._links).hosts()
            run(
                "ip",
                "link",
                "add",
                "name",
                self._name,
                "type",
                "veth",
                "peer",
                "name",
                "machine",
                "netns",
                self._router,
            )
            self._cleanup.callback(run, "ip", "link", "del", "dev", self._name)
            self._set_up(self._router, "machine", gateway)
            run("ip", "address", "add", f"{address}/30", "dev", self._name)
            run("ip", "link", "set", "dev", self._name, "up")
            run("ip", "route", "add", str(addresses), "via", str(gateway))
        except Exception:
            self.close()
            raise

    def add(self, name: str) -> Host:
        """A host more."""
        gateway, address = next(self._links).hosts()
        host = Host(self._add_namespace(name), address, self._router, name, gateway)
        end = ["name", INTERFACE, "netns", host.namespace]
        run("ip", "link", "add", "name", name, "netns", self._router, "type", "veth", "peer", *end)
        self._set_up(self._router, name, gateway)
        self._set_up(host.namespace, INTERFACE, address)
        host.connect()
        return host

    def close(self) -> None:
        """Remove it all; the hosts' processes must have ended."""
        self._cleanup.close()

    def _add_namespace(self, name: str) -> str:
        namespace = f"{self._name}-{name}"
        run("ip", "netns", "add", namespace)
        self._cleanup.callback(run, "ip", "netns", "del", namespace)
        run("ip", "-n", namespace, "link", "set", "dev", "lo", "up")  # a host speaks to itself over it
        return namespace

    def _set_up(self, namespace: str, interface: str, address: IPv4Address) -> None:
        run("ip", "-n", namespace, "address", "add", f"{address}/30", "dev", interface)
        run("ip", "-n", namespace, "link", "set", "dev", interface, "up")


def refusal() -> str:
    """Why this machine makes no network for this user; empty if it does."""
    try:
        Network().close()
    except NoNetworkError as error:
        return str(error)
    return ""


def unused_range() -> IPv4Network:
    """256 addresses that this machine has no route to, but the default one."""
    routes = json.loads(run("ip", "-json", "-4", "route", "show", "table", "all"))
    taken = [IPv4Network(route["dst"]) for route in routes if route["dst"] != "default"]
    for addresses in PRIVATE.subnets(new_prefix=24):
        if not any(addresses.overlaps(other) for other in taken):
            return addresses
    raise NoNetworkError(f"there are routes to all of {PRIVATE}")


def configure(namespace: str, interface: str, key: str, value: int) -> None:
    """Set what `sysctl net.ipv4.conf` would, for all interfaces or one."""
    run(*within(namespace), "sh", "-c", f"echo {value} >/proc/sys/net/ipv4/conf/{interface}/{key}")


def within(namespace: str) -> list[str]:
    """What stands before a command that is to run in the namespace."""
    return ["ip", "netns", "exec", namespace]


def run(*command: str) -> str:
    """What the command prints; NoNetworkError says what it complains of."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise NoNetworkError(f"`{' '.join(command)}` says: {' '.join(done.stderr.split())}")
    return done.stdout
