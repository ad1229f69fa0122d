"""Simulated hosts on one machine: network namespaces connected to a router, with links that tests can cut.

Requires Linux, permission to configure networks, and `ip` from iproute2. Until the network is closed, the machine has
one more interface and one more route.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

# Private addresses. The network uses a range among them that this machine has no route to.
PRIVATE = IPv4Network("10.192.0.0/10")
INTERFACE = "eth0"


class NetworkUnavailableError(Exception):
    """This user cannot create the network on this machine. The message contains the failed command."""


@dataclass(frozen=True)
class Host:
    """Network namespace with one interface that is linked to a port of the router."""

    namespace: str
    address: IPv4Address
    router: str
    port: str
    gateway: IPv4Address

    @property
    def command_prefix(self) -> list[str]:
        """Return the prefix that runs a command on this host, in the same process."""
        return netns_exec(self.namespace)

    def connect(self) -> None:
        """Bring the interface up and add the default route."""
        run("ip", "-n", self.namespace, "link", "set", "dev", INTERFACE, "up")
        run("ip", "-n", self.namespace, "route", "add", "default", "via", str(self.gateway))


# A context manager that disconnects a host.
Cut = Callable[[Host], AbstractContextManager[None]]


@contextmanager
def replies_dropped(host: Host) -> Iterator[None]:
    """Drop packets to the host silently, but deliver those from it."""
    route = ["blackhole", f"{host.address}/32"]
    run("ip", "-n", host.router, "route", "add", *route)
    try:
        yield
    finally:
        run("ip", "-n", host.router, "route", "del", *route)


@contextmanager
def packets_dropped(host: Host) -> Iterator[None]:
    """Drop packets to and from the host silently."""
    with replies_dropped(host):
        configure(host.router, host.port, "forwarding", 0)
        try:
            yield
        finally:
            configure(host.router, host.port, "forwarding", 1)


@contextmanager
def link_down(host: Host) -> Iterator[None]:
    """Take the host's interface down, so that its connection attempts fail immediately."""
    run("ip", "-n", host.namespace, "link", "set", "dev", INTERFACE, "down")
    try:
        yield
    finally:
        host.connect()


class Network:
    """Router with links to this machine and to each added host.

    Raises:
        NetworkUnavailableError: This user cannot create the network.
    """

    def __init__(self) -> None:
        if not shutil.which("ip"):
            raise NetworkUnavailableError("`ip` (iproute2) is not on the PATH")
        self._name = f"ns{os.getpid()}"
        self._cleanup = ExitStack()
        try:
            addresses = unused_range()
            self._links = addresses.subnets(new_prefix=30)
            self._router = self._add_namespace("router")
            configure(self._router, "all", "forwarding", 1)
            # Otherwise the router drops the packets of a host that it has no route to.
            for interfaces in ("all", "default"):
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
        """Add a host."""
        gateway, address = next(self._links).hosts()
        host = Host(self._add_namespace(name), address, self._router, name, gateway)
        end = ["name", INTERFACE, "netns", host.namespace]
        run("ip", "link", "add", "name", name, "netns", self._router, "type", "veth", "peer", *end)
        self._set_up(self._router, name, gateway)
        self._set_up(host.namespace, INTERFACE, address)
        host.connect()
        return host

    def close(self) -> None:
        """Remove the network. The processes on the hosts must have ended."""
        self._cleanup.close()

    def _add_namespace(self, name: str) -> str:
        namespace = f"{self._name}-{name}"
        run("ip", "netns", "add", namespace)
        self._cleanup.callback(run, "ip", "netns", "del", namespace)
        run("ip", "-n", namespace, "link", "set", "dev", "lo", "up")  # for connections of the host to itself
        return namespace

    def _set_up(self, namespace: str, interface: str, address: IPv4Address) -> None:
        run("ip", "-n", namespace, "address", "add", f"{address}/30", "dev", interface)
        run("ip", "-n", namespace, "link", "set", "dev", interface, "up")


def skip_reason() -> str:
    """Return the reason why this user cannot create the network, or an empty string."""
    try:
        Network().close()
    except NetworkUnavailableError as error:
        return str(error)
    return ""


def unused_range() -> IPv4Network:
    """Return a range of 256 addresses to which this machine has only the default route."""
    routes = json.loads(run("ip", "-json", "-4", "route", "show", "table", "all"))
    taken = [IPv4Network(route["dst"]) for route in routes if route["dst"] != "default"]
    for addresses in PRIVATE.subnets(new_prefix=24):
        if not any(addresses.overlaps(other) for other in taken):
            return addresses
    raise NetworkUnavailableError(f"no unused range in {PRIVATE}")


def configure(namespace: str, interface: str, key: str, value: int) -> None:
    """Set net.ipv4.conf.INTERFACE.KEY in a namespace; the interface may be `all` or `default`."""
    run(*netns_exec(namespace), "sh", "-c", f"echo {value} >/proc/sys/net/ipv4/conf/{interface}/{key}")


def netns_exec(namespace: str) -> list[str]:
    """Return the prefix that runs a command in the namespace."""
    return ["ip", "netns", "exec", namespace]


def run(*command: str) -> str:
    """Run a command and return its output. Raise NetworkUnavailableError with its error output if it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise NetworkUnavailableError(f"`{' '.join(command)}` failed: {' '.join(done.stderr.split())}")
    return done.stdout
