"""Settings from environment variables with the prefix NOISESWEEP_, and from secret files."""

import ipaddress
import os
import re
import sys
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
)

from noisesweep.models.faults import explain
from noisesweep.models.quotas import MAX_AMOUNT
from shared.configured_keys import ConfiguredKey, parse_api_keys
from shared.store import address

# Containers mount secrets here, for example a file noisesweep_redis_url.
SECRETS = Path("/run/secrets")
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?|[0-9a-f:]*:[0-9a-f:.]*")
_ROOT_PATH = re.compile(r"(/(?!\.{1,2}(/|$))[A-Za-z0-9._~-]+)+")
MAX_ROOT_PATH = 200


class Visibility(StrEnum):
    """Sweeps that members and viewers see: those of everyone, or only their own."""

    EVERYONE = "everyone"
    OWN = "own"


class Settings(BaseSettings):
    """Settings of one process. Entry points create the object. Importing a module does not create it."""

    model_config = SettingsConfigDict(
        env_prefix="NOISESWEEP_",
        env_ignore_empty=True,
        frozen=True,
        hide_input_in_errors=True,
        secrets_dir=SECRETS,
    )

    # A SecretStr, because the URL may contain a password, which repr() must not show.
    redis_url: SecretStr = Field(
        default=SecretStr("redis://127.0.0.1:6379/0"),
        description="URL of the Redis server that stores sweeps and the queue: redis://USER:PASSWORD@HOST:6379/0, or "
        "rediss:// for TLS. With Sentinels: "
        "redis+sentinel://USER:PASSWORD@HOST1:26379,HOST2:26379,HOST3:26379/0?service=NAME, or rediss+sentinel:// for "
        "TLS. Add sentinel_username= and sentinel_password= if the Sentinels require them. TLS verifies certificates "
        "and host names: ssl_ca_certs=/path/ca.crt trusts a private certificate authority, ssl_certfile= and "
        "ssl_keyfile= set the client's certificate.",
    )
    data_dir: Path | None = Field(
        default=None,
        description="Folder with data sets: mnist.npz or the four IDX files of MNIST; Fashion-MNIST in a subfolder "
        "fashion-mnist.",
    )
    host: str = Field(default="127.0.0.1", description="Address that the API binds to.")
    port: int = Field(default=8000, ge=1, le=65535, description="Port that the API binds to.")
    tls_cert: Path | None = Field(
        default=None, description="Certificate of the API with its chain, in PEM format, for HTTPS. If unset: HTTP."
    )
    tls_key: Path | None = Field(
        default=None, validate_default=True, description="Private key of this certificate, in PEM format."
    )
    allow_anonymous: bool = Field(
        default=False, description="Allow an API without keys to bind to an address that other machines can reach."
    )
    lease_seconds: float = Field(
        default=30.0,
        gt=0,
        description="Duration of a lease. A run belongs to a worker while the worker holds its lease. A worker that "
        "does not renew the lease in time loses the run.",
    )
    max_attempts: int = Field(
        default=3,
        ge=1,
        description="A run fails after it has lost this many workers in a row without progress: a new epoch or a later "
        "checkpoint.",
    )
    reap_interval_seconds: float = Field(
        default=5.0,
        gt=0,
        description="Interval at which a worker looks for expired leases and publishes missing messages.",
    )
    max_queued_runs: int = Field(default=2000, ge=1, description="Maximum number of queued runs.")
    max_queued_runs_per_key: int = Field(
        default=500, ge=1, le=MAX_AMOUNT, description="Maximum number of queued runs per API key."
    )
    max_stored_bytes: int = Field(
        default=2_000_000_000,
        ge=1,
        le=MAX_AMOUNT,
        description="Maximum number of bytes that the stored sweeps of one API key may occupy, or all sweeps without "
        "keys. A sweep counts from its submission until it is deleted, with the size of its results, reused ones "
        "included, and of its models.",
    )
    max_core_seconds_per_day: int | None = Field(
        default=None,
        ge=1,
        le=MAX_AMOUNT,
        description="Maximum number of core-seconds that the runs of one API key may need in 24 hours, estimated when "
        "they are queued. If unset: no limit. Instructors can set other limits for roles and keys.",
    )
    max_dataset_bytes: int = Field(
        default=500_000_000,
        ge=0,
        description="Maximum number of bytes that all data sets which clients have added may occupy, compressed. With "
        "0, clients can add none.",
    )
    api_keys: Annotated[dict[str, ConfiguredKey], NoDecode] = Field(
        default={},
        description="Keys that the API accepts, in addition to those in the store: NAME:SHA256 or NAME:SHA256:ROLE for "
        "each key, separated by commas. `noisesweep key` creates one. The role is admin, instructor, member (the "
        "default) or viewer. If unset, every client that can reach the API may use the API without a key.",
    )
    visibility: Visibility = Field(
        default=Visibility.EVERYONE,
        description="Whose sweeps a member or viewer sees: those of everyone, or only its own. Administrators and "
        "instructors see all.",
    )
    shares: bool = Field(
        default=True, description="Allow links that show one sweep to everybody who has them, without an API key."
    )
    allowed_hosts: Annotated[list[str], NoDecode] = Field(
        default=[],
        description="Host names that the API accepts, separated by commas. If unset: only loopback names if the API "
        "binds to loopback, otherwise all names.",
    )
    cors_origins: Annotated[list[str], NoDecode] = Field(
        default=[], description="Origins of web pages that may call the API from a browser, separated by commas."
    )
    root_path: str = Field(
        default="",
        description="Path below which a proxy serves the API, for example /noise-lab. The API adds it to all links. If "
        "unset, the proxy serves the API at the root of a host.",
    )
    trusted_proxies: Annotated[list[IPv4Network | IPv6Network], NoDecode] = Field(
        default=[],
        description="Proxies whose headers X-Forwarded-Prefix, X-Forwarded-Host and X-Forwarded-Proto the API trusts: "
        "addresses and networks, separated by commas, such as 127.0.0.1,10.1.0.0/16. X-Forwarded-Prefix replaces the "
        "root path. Each of these proxies must set or remove all three headers in every request.",
    )
    log_format: Literal["text", "json"] | None = Field(
        default=None, description="Format of log lines. If unset: text on a terminal, otherwise JSON."
    )
    retention_days: float = Field(default=30.0, gt=0, description="Days for which a sweep is stored after its end.")
    checkpoint_interval_seconds: float = Field(
        default=30.0,
        ge=0,
        description="Minimum interval between checkpoints of a run. A worker that stops also writes a checkpoint.",
    )
    model_retention_days: float = Field(
        default=7.0, gt=0, description="Days for which a trained model is stored, if the request has keep_model."
    )
    max_model_bytes: int = Field(
        default=1_000_000_000,
        ge=1,
        description="Maximum size of all models of one sweep with keep_model, in bytes. A model has 8 bytes per "
        "parameter: 5.4 MB for the default network.",
    )
    stack: int | None = Field(
        default=None,
        ge=1,
        le=32,
        description="Number of runs of one seed that a process trains together. If unset, it depends on the device. "
        "On a CPU the default is 1. Results do not depend on it.",
    )
    xla: bool | None = Field(
        default=None,
        description="Compile the training program with XLA. If unset, it depends on the device. It changes the last "
        "bits of the results.",
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - pydantic-settings defines the signature
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic-settings defines the signature
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return the sources by priority: arguments, the environment, the secret files if their folder is readable."""
        assert isinstance(file_secret_settings, SecretsSettingsSource)  # noqa: S101 - for mypy
        is_readable = os.access(str(file_secret_settings.secrets_dir), os.R_OK | os.X_OK)
        return init_settings, env_settings, *([file_secret_settings] if is_readable else [])

    @field_validator("redis_url")
    @classmethod
    def _check_redis_url(cls, url: SecretStr) -> SecretStr:
        address.parse(url.get_secret_value())
        return url

    @field_validator("api_keys", mode="before")
    @classmethod
    def _parse_api_keys(cls, value: object) -> object:
        return parse_api_keys(value) if isinstance(value, str) else value

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _parse_networks(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        networks = []
        for entry in filter(None, map(str.strip, value.split(","))):
            try:
                networks.append(ipaddress.ip_network(entry))
            except ValueError as error:
                raise ValueError(
                    "expected an address such as 127.0.0.1 or a network such as 10.1.0.0/16 for each proxy, received "
                    f"{entry}"
                ) from error
        return networks

    @field_validator("root_path")
    @classmethod
    def _check_root_path(cls, path: str) -> str:
        return check_root_path(path) if path else path

    @field_validator("allowed_hosts", "cors_origins", mode="before")
    @classmethod
    def _split_at_commas(cls, value: object) -> object:
        return list(filter(None, map(str.strip, value.split(",")))) if isinstance(value, str) else value

    @field_validator("allowed_hosts")
    @classmethod
    def _check_host_names(cls, hosts: list[str]) -> list[str]:
        names = [host.lower().removeprefix("[").removesuffix("]") for host in hosts]
        for name in names:
            if not _HOST.fullmatch(name):
                raise ValueError(f"expected a host name or address without scheme and port, received {name}")
        return names

    @field_validator("tls_key")
    @classmethod
    def _check_tls(cls, key: Path | None, info: ValidationInfo) -> Path | None:
        if (key is None) != (info.data.get("tls_cert") is None):
            raise ValueError("HTTPS needs both NOISESWEEP_TLS_CERT and NOISESWEEP_TLS_KEY")
        return key

    @property
    def serves_loopback_only(self) -> bool:
        """Return whether `host` can be reached from this machine only."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


def check_root_path(path: str) -> str:
    """Return the path unchanged. Raise ValueError if it cannot be the root path of the API."""
    if not _ROOT_PATH.fullmatch(path) or len(path) > MAX_ROOT_PATH:
        raise ValueError(
            f"expected a path such as /noise-lab with up to {MAX_ROOT_PATH} characters, a slash at the start, none at "
            f"the end, and only letters, digits and . _ ~ - between slashes, received {path[:MAX_ROOT_PATH]}"
        )
    return path


def variable(name: str) -> str:
    """Return the name of a setting's environment variable."""
    return f"{Settings.model_config['env_prefix']}{name}".upper()


def setting_errors(error: ValidationError) -> dict[str, str]:
    """Return the error message of each invalid setting, by name. It omits the value, which may be a password."""
    errors = error.errors(include_input=False)
    return {str(each["loc"][0]): explain(each) for each in errors}


def settings_or_exit(program: str) -> Settings:
    """Return the settings. If settings are invalid, print one line for each and exit."""
    try:
        return Settings()
    except ValidationError as error:
        sys.exit(
            "\n".join(f"{program}: {variable(name)}: {message}" for name, message in setting_errors(error).items())
        )
