"""The store's URL: one server, or the Sentinels that know the primary."""

import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

FORM = "redis://USER:PASSWORD@HOST:6379/0, where / : @ # ? and % in a password are written %2F %3A %40 %23 %3F %25"
SCHEMES = ("redis", "rediss", "redis+sentinel", "rediss+sentinel")
REDIS_PORT, SENTINEL_PORT = 6379, 26379
FILES = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
OPTIONS = {
    "rediss": (*FILES, "ssl_check_hostname", "ssl_cert_reqs"),
    "sentinel": ("service", "sentinel_username", "sentinel_password"),
}

# The parts of a URL by RFC 3986, appendix B. Patched versions of urlsplit (CVE-2025-0938) reject a list of hosts with
# an IPv6 address in it.
_URL = re.compile(
    r"(?P<scheme>[^:/?#]+)://(?P<authority>[^/?#]*)(?P<path>[^?#]*)(\?(?P<query>[^#]*))?(#(?P<fragment>.*))?",
    re.DOTALL,
)

Node = tuple[str, int]


@dataclass(frozen=True)
class Address:
    """The parts of the store's URL.

    Attributes:
        nodes: Host and port of the server, or of each Sentinel.
        service: The Sentinels' name for the servers; None without Sentinels.
        database: The number of the database.
        username: For the servers; None if there is none, as for the following.
        password: For the servers.
        sentinel_username: For the Sentinels.
        sentinel_password: For the Sentinels.
        tls: TLS arguments of redis-py and kombu, for servers and Sentinels; None without TLS.
    """

    nodes: tuple[Node, ...]
    service: str | None = None
    database: int = 0
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    sentinel_username: str | None = None
    sentinel_password: str | None = field(default=None, repr=False)
    tls: Mapping[str, str | bool] | None = None

    @property
    def hosts(self) -> list[str]:
        """Return each node as HOST:PORT."""
        return [host_port(*node) for node in self.nodes]


def host_port(host: str, port: int) -> str:
    """Return HOST:PORT as in URLs."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def parse(url: str) -> Address:
    """Parse a URL; raise ValueError, which quotes no part of it, because any part may be the password.

    redis://USER:PASSWORD@HOST:PORT/DATABASE is one server, rediss:// the same over TLS. redis+sentinel:// and
    rediss+sentinel:// take the Sentinels' HOST:PORT, separated by commas, and their name for the servers as ?service=.
    """
    parts = _URL.fullmatch(url.strip())
    scheme = parts["scheme"].lower() if parts else ""
    if not parts or scheme not in SCHEMES:
        raise ValueError(f"it must begin with {', '.join(f'{each}://' for each in SCHEMES[:-1])} or {SCHEMES[-1]}://")
    authority, path, query = parts["authority"], parts["path"], parts["query"] or ""
    # An @ behind the host means that the password has an unescaped / # or ?, and its start was taken for the host.
    if "@" in path + query or parts["fragment"]:
        raise _unreadable()
    server, _, watched = scheme.partition("+")
    credentials, _, hosts = authority.rpartition("@")
    username, _, password = credentials.partition(":")
    nodes = tuple(_node(each, SENTINEL_PORT if watched else REDIS_PORT) for each in hosts.split(","))
    if len(nodes) > 1 and not watched:
        raise ValueError("it names several hosts, which only redis+sentinel:// and rediss+sentinel:// do")
    options = _options(scheme, query, [*OPTIONS.get(server, ()), *OPTIONS.get(watched, ())])
    if watched and not options.get("service"):
        raise ValueError("it does not say what the Sentinels call the servers: ?service=NAME at its end")
    return Address(
        nodes=nodes,
        service=options.get("service"),
        database=_database(path),
        username=unquote(username) or None,
        password=unquote(password) or None,
        sentinel_username=options.get("sentinel_username"),
        sentinel_password=options.get("sentinel_password"),
        tls=_tls(options) if server == "rediss" else None,
    )


def _unreadable() -> ValueError:
    return ValueError(f"it cannot be read as an address. Its form is {FORM}")


def _node(written: str, default_port: int) -> Node:
    try:
        parts = urlsplit(f"//{written}")
        host, port = parts.hostname, parts.port
    except ValueError:
        raise _unreadable() from None
    if not host or port == 0:
        raise _unreadable()
    return host, port or default_port


def _database(path: str) -> int:
    number = path.removeprefix("/") or "0"
    if not (number.isascii() and number.isdigit()):
        raise _unreadable()
    return int(number)


def _options(scheme: str, query: str, known: list[str]) -> dict[str, str]:
    # Not parse_qsl, which decodes + as a space: it may be part of a password.
    pairs = (option.partition("=") for option in query.split("&") if option)
    given = [(unquote(name), unquote(value)) for name, _, value in pairs]
    options = dict(given)
    if not options.keys() <= set(known):
        allowed = f"it may have {', '.join(known)}" if known else f"{scheme}:// has none"
        raise ValueError(f"unknown option; {allowed}")
    if len(options) < len(given):
        raise ValueError("it has an option twice")
    return options


def _tls(options: Mapping[str, str]) -> Mapping[str, str | bool]:
    """Return the TLS arguments, with safe defaults spelled out: those of redis-py and kombu have varied."""
    verify, check_name = options.get("ssl_cert_reqs", "required"), options.get("ssl_check_hostname", "true").lower()
    if verify not in ("required", "none"):
        raise ValueError("ssl_cert_reqs is required, or none, which takes any server for the store")
    if check_name not in ("true", "false"):
        raise ValueError("ssl_check_hostname is true or false")
    tls = {name: options[name] for name in FILES if name in options}
    _try_certificates(tls)
    return {**tls, "ssl_cert_reqs": verify, "ssl_check_hostname": check_name == "true" and verify == "required"}


def _try_certificates(files: Mapping[str, str]) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    tried = "ssl_ca_certs"
    try:
        if tried in files:
            context.load_verify_locations(files[tried])
        if "ssl_certfile" in files or "ssl_keyfile" in files:
            tried = "ssl_certfile with ssl_keyfile"
            context.load_cert_chain(files["ssl_certfile"], files.get("ssl_keyfile"), password=_no_password)
    except KeyError:
        raise ValueError("ssl_keyfile goes with ssl_certfile, which is not given") from None
    except OSError as error:  # that of SSL is one too
        reason = "no PEM that can be used" if isinstance(error, ssl.SSLError) else error.strerror
        raise ValueError(f"{tried} cannot be used: {reason}") from None


def _no_password() -> str:
    raise ValueError("ssl_keyfile is encrypted; encrypted keys are not supported")
