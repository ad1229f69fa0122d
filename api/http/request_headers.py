"""Checks of request headers that apply to every route."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from urllib.parse import urlsplit

from starlette.types import Scope

from api.http.problem_types import BAD_REQUEST, CROSS_SITE, UNSUPPORTED_MEDIA_TYPE, ProblemType
from api.http.root_path import route_path
from shared.settings import variable

RawHeaders = Iterable[tuple[bytes, bytes]]
# Headers with one value. Two different ones are ambiguous: a proxy and this service might pick different ones.
SINGLE = frozenset(
    {b"authorization", b"content-type", b"host", b"idempotency-key", b"last-event-id", b"origin", b"sec-fetch-site"}
)
SAFE_METHODS = ("GET", "HEAD", "OPTIONS", "TRACE")
# Health probes accept any Host header, because they reveal nothing.
PROBES = ("/healthz", "/readyz")


def combine(headers: RawHeaders) -> list[tuple[bytes, bytes]]:
    """Return the headers with the lines of each list header joined by commas (RFC 9110, section 5.3)."""
    values: dict[bytes, list[bytes]] = {}
    for name, value in headers:
        values.setdefault(name, []).append(value)
    return [
        (name, line) for name, lines in values.items() for line in (lines if name in SINGLE else [b", ".join(lines)])
    ]


def find_problem(scope: Scope, hosts: Collection[str], origins: Collection[str]) -> tuple[ProblemType, str] | None:
    """Return the problem type and the detail of the first problem of the headers, or None.

    Args:
        scope: The request.
        hosts: Allowed host names; empty allows all.
        origins: Origins of web pages that may use the API, besides its own.
    """
    lines = scope["headers"]
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in lines}
    if len(headers) < len(lines):
        name, count = Counter(name for name, _ in lines).most_common(1)[0]
        return BAD_REQUEST, f"{name.decode('latin-1').title()}: expected one header line, received {count}."
    if scope["http_version"] != "1.0" and "host" not in headers:
        return BAD_REQUEST, "Host: expected the name of this service, received no Host header."
    if hosts and route_path(scope) not in PROBES and host_name(headers) not in hosts:
        return BAD_REQUEST, (
            f"Host: expected {' or '.join(sorted(hosts))}, received {headers.get('host')!r}. The setting "
            f"{variable('allowed_hosts')} of the API lists all names that it accepts."
        )
    if headers.get("content-encoding", "identity").lower() != "identity":
        coding = headers["content-encoding"]
        return UNSUPPORTED_MEDIA_TYPE, f"Content-Encoding: expected a body that is not compressed, received {coding}."
    if scope["method"] not in SAFE_METHODS and is_cross_site(headers, origins, scope["scheme"]):
        page = headers.get("origin", "another site")
        return CROSS_SITE, f"Origin: expected a page of this service, received a request from a page of {page}."
    return None


def is_cross_site(headers: Mapping[str, str], origins: Collection[str], scheme: str) -> bool:
    """Return whether a browser sent the request for a page of another origin that is not allowed.

    The scheme is http also for a service behind a proxy that speaks TLS but is not trusted, so its pages may be https.

    Programs other than browsers send neither header. Browsers send Sec-Fetch-Site to https and loopback addresses, and
    Origin with each request that is not GET or HEAD.
    Source: https://words.filippo.io/csrf, the algorithm of Go's http.CrossOriginProtection.
    """
    origin = headers.get("origin")
    if "*" in origins or origin in origins:
        return False
    if "sec-fetch-site" in headers:
        return headers["sec-fetch-site"] not in ("same-origin", "none")
    own = [f"{each}://{headers.get('host', '').lower()}" for each in {scheme, "https"}]
    return origin is not None and origin.lower() not in own


def host_name(headers: Mapping[str, str]) -> str | None:
    """Return the host name in the Host header, without the port; None if it is missing or invalid."""
    with suppress(ValueError):
        return urlsplit(f"//{headers.get('host', '')}").hostname
    return None
