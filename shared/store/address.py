"""Parser for the URL of the store: one Redis server, or the Sentinels that know the primary."""

import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

URL_FORMAT = "redis://USER:PASSWORD@HOST:6379/0 (in a password, write / : @ # ? % as %2F %3A %40 %23 %3F %25)"
SCHEMES = ("redis", "rediss", "redis+sentinel", "rediss+sentinel")
REDIS_PORT, SENTINEL_PORT = 6379, 26379
FILES = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
OPTIONS = {
    "rediss": (*FILES, "ssl_check_hostname", "ssl_cert_reqs"),
    "sentinel": ("service", "sentinel_username", "sentinel_password"),
}

# The parts of a URL, from RFC 3986, appendix B. Patched versions of urlsplit (CVE-2025-0938) reject lists of hosts that
# contain an IPv6 address.
_URL = re.compile(
    r"(?P<scheme>[^:/?#]+)://(?P<authority>[^/?#]*)(?P<path>[^?#]*)(\?(?P<query>[^#]*))?(#(?P<fragment>.*))?",
    re.DOTALL,
)

Node = tuple[str, int]


@dataclass(frozen=True)
class Address:
    """Parts of the store's URL.

    Attributes:
        nodes: Host and port of the server, or of each Sentinel.
        service: Name under which the Sentinels monitor the servers; None without Sentinels.
        database: Number of the database.
        username: User name for the servers; None if not given.
        password: Password for the servers; None if not given.
        sentinel_username: User name for the Sentinels; None if not given.
        sentinel_password: Password for the Sentinels; None if not given.
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
        """Return HOST:PORT of each node."""
        return [host_port(*node) for node in self.nodes]


def host_port(host: str, port: int) -> str:
    """Return HOST:PORT, with an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def parse(url: str) -> Address:
    """Parse a URL.

    redis://USER:PASSWORD@HOST:PORT/DATABASE is one server; rediss:// adds TLS. redis+sentinel:// and
    rediss+sentinel:// take HOST:PORT of each Sentinel, separated by commas, and the service name as ?service=NAME.

    Raises:
        ValueError: The URL is invalid. The message quotes no part of it, because any part may be the password.
    """
    parts = _URL.fullmatch(url.strip())
    scheme = parts["scheme"].lower() if parts else ""
    if not parts or scheme not in SCHEMES:
        raise ValueError(f"expected a URL with one of the schemes {', '.join(SCHEMES)}")
    authority, path, query = parts["authority"], parts["path"], parts["query"] or ""
    # An @ after the host means that the password contains an unescaped / # or ?, so its start was parsed as the host.
    if "@" in path + query or parts["fragment"]:
        raise _malformed()
    server, _, sentinel = scheme.partition("+")
    credentials, _, hosts = authority.rpartition("@")
    username, _, password = credentials.partition(":")
    nodes = tuple(_node(each, SENTINEL_PORT if sentinel else REDIS_PORT) for each in hosts.split(","))
    if len(nodes) > 1 and not sentinel:
        raise ValueError("several hosts require redis+sentinel:// or rediss+sentinel://")
    options = _options(scheme, query, [*OPTIONS.get(server, ()), *OPTIONS.get(sentinel, ())])
    if sentinel and not options.get("service"):
        raise ValueError("missing service name of the Sentinels: add ?service=NAME")
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


def _malformed() -> ValueError:
    return ValueError(f"malformed URL; expected {URL_FORMAT}")


def _node(text: str, default_port: int) -> Node:
    try:
        parts = urlsplit(f"//{text}")
        host, port = parts.hostname, parts.port
    except ValueError:
        raise _malformed() from None
    if not host or port == 0:
        raise _malformed()
    return host, port or default_port


def _database(path: str) -> int:
    number = path.removeprefix("/") or "0"
    if not (number.isascii() and number.isdigit()):
        raise _malformed()
    return int(number)


def _options(scheme: str, query: str, known: list[str]) -> dict[str, str]:
    # Not parse_qsl: it decodes + as a space, but + may be part of a password.
    pairs = (option.partition("=") for option in query.split("&") if option)
    given = [(unquote(name), unquote(value)) for name, _, value in pairs]
    options = dict(given)
    if not options.keys() <= set(known):
        allowed = f"supported: {', '.join(known)}" if known else f"{scheme}:// supports none"
        raise ValueError(f"unknown option; {allowed}")
    if len(options) < len(given):
        raise ValueError("duplicate option")
    return options


def _tls(options: Mapping[str, str]) -> Mapping[str, str | bool]:
    """Return the TLS arguments. The safe defaults are explicit because those of redis-py and kombu have changed."""
    verify, check_name = options.get("ssl_cert_reqs", "required"), options.get("ssl_check_hostname", "true").lower()
    if verify not in ("required", "none"):
        raise ValueError("ssl_cert_reqs: expected required or none; none accepts any server")
    if check_name not in ("true", "false"):
        raise ValueError("ssl_check_hostname: expected true or false")
    tls = {name: options[name] for name in FILES if name in options}
    _check_certificates(tls)
    return {**tls, "ssl_cert_reqs": verify, "ssl_check_hostname": check_name == "true" and verify == "required"}


def _check_certificates(files: Mapping[str, str]) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    option = "ssl_ca_certs"
    try:
        if option in files:
            context.load_verify_locations(files[option])
        if "ssl_certfile" in files or "ssl_keyfile" in files:
            option = "ssl_certfile with ssl_keyfile"
            context.load_cert_chain(files["ssl_certfile"], files.get("ssl_keyfile"), password=_no_password)
    except KeyError:
        raise ValueError("ssl_keyfile requires ssl_certfile") from None
    except OSError as error:  # includes SSLError
        reason = "expected valid PEM data" if isinstance(error, ssl.SSLError) else error.strerror
        raise ValueError(f"{option}: {reason}") from None


def _no_password() -> str:
    raise ValueError("ssl_keyfile is encrypted; encrypted keys are not supported")
