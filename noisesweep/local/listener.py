"""Address and certificate of the API, and the URLs at which it can be reached."""

import ipaddress
import os
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path

import psutil

from noisesweep.local.errors import LaunchError
from noisesweep.local.store import LOOPBACK


@dataclass(frozen=True)
class Listener:
    """Address of the API.

    Attributes:
        port: The port.
        host: IP address of this machine, or 0.0.0.0 or :: for all of its addresses.
        certificate: Certificate chain in PEM format, for HTTPS; None for HTTP.
        private_key: Private key of the certificate.
    """

    port: int
    host: str = LOOPBACK
    certificate: Path | None = None
    private_key: Path | None = None

    def __post_init__(self) -> None:
        """Raise LaunchError if the API could not listen like this, or if other machines could use it without keys."""
        try:
            address = ipaddress.ip_address(self.host)
        except ValueError as error:
            raise LaunchError(f"--host: expected an IP address such as 0.0.0.0, received {self.host!r}.") from error
        anonymous = os.environ.get("NOISESWEEP_ALLOW_ANONYMOUS", "").lower() in ("1", "true", "yes")
        if not (address.is_loopback or os.environ.get("NOISESWEEP_API_KEYS") or anonymous):
            raise LaunchError(
                f"Other machines could use a service at {self.host} without a key. Create the key of an administrator "
                "with `noisesweep key NAME --role admin`, and set NOISESWEEP_API_KEYS as it says."
            )
        self._check_certificate()
        self._check_port_is_free(address)

    @property
    def url(self) -> str:
        """Return the URL for programs on this machine."""
        local = {"0.0.0.0": LOOPBACK, "::": "::1"}.get(self.host, self.host)  # noqa: S104 - compared, not bound
        return self._url_of(local)

    @property
    def urls(self) -> list[str]:
        """Return the URLs for others: one for each address of this machine, if the API listens at all of them."""
        family = {"0.0.0.0": socket.AF_INET, "::": socket.AF_INET6}.get(self.host)  # noqa: S104 - compared, not bound
        if family is None:
            return [self.url]
        found = [
            address.address
            for addresses in psutil.net_if_addrs().values()
            for address in addresses
            # An address with % is valid on one link only.
            if address.family is family and "%" not in address.address
        ]
        return [self._url_of(each) for each in found if not ipaddress.ip_address(each).is_loopback] or [self.url]

    @property
    def is_readable_by_others(self) -> bool:
        """Return whether others on the network can read the connections, with the keys."""
        return self.certificate is None and not ipaddress.ip_address(self.host).is_loopback

    @property
    def environment(self) -> dict[str, str]:
        """Return the settings of the API."""
        settings = {"NOISESWEEP_HOST": self.host, "NOISESWEEP_PORT": str(self.port)}
        if self.certificate and self.private_key:
            settings |= {"NOISESWEEP_TLS_CERT": str(self.certificate), "NOISESWEEP_TLS_KEY": str(self.private_key)}
        return settings

    def _url_of(self, host: str) -> str:
        name = f"[{host}]" if ":" in host else host
        return f"{'https' if self.certificate else 'http'}://{name}:{self.port}"

    def _check_certificate(self) -> None:
        if (self.certificate is None) != (self.private_key is None):
            raise LaunchError("HTTPS needs both --tls-cert and --tls-key.")
        if self.certificate and self.private_key:
            try:
                ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(self.certificate, self.private_key)
            except (OSError, ssl.SSLError) as error:
                reason = error.reason if isinstance(error, ssl.SSLError) else error.strerror
                raise LaunchError(
                    f"{self.certificate} and {self.private_key} are not a certificate and its key in PEM format "
                    f"({reason})."
                ) from error

    def _check_port_is_free(self, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
        family = socket.AF_INET if isinstance(address, ipaddress.IPv4Address) else socket.AF_INET6
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((self.host, self.port))
            except OSError as error:
                raise LaunchError(
                    f"Port {self.port} on {self.host} is not available ({error.strerror}): choose another --port."
                ) from error
