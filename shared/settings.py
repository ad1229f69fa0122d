"""Everything that is configured by the environment, each variable prefixed NOISESWEEP_."""

import ipaddress
import os
import re
import sys
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
)

from noisesweep.models import KEY_NAME
from shared.store import address

# Where containers find what is not for everybody's eyes: a file noisesweep_redis_url, say.
SECRETS = Path("/run/secrets")
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?|[0-9a-f:]*:[0-9a-f:.]*")
_API_KEY = re.compile(rf"({KEY_NAME.pattern}):([0-9a-f]{{64}})")


class Settings(BaseSettings):
    """The environment of one process, and in a container its secrets. Entry points build it, at no import."""

    model_config = SettingsConfigDict(
        env_prefix="NOISESWEEP_", env_ignore_empty=True, frozen=True, hide_input_in_errors=True
    )

    # A secret because it may carry a password: its repr shows none.
    redis_url: SecretStr = Field(
        default=SecretStr("redis://127.0.0.1:6379/0"),
        description="The Redis that holds records and queue: redis://USER:PASSWORD@HOST:6379/0, or rediss:// for TLS. "
        "Where Sentinels watch it, redis+sentinel:// or rediss+sentinel:// with theirs: "
        "redis+sentinel://USER:PASSWORD@HOST1:26379,HOST2:26379,HOST3:26379/0?service=NAME, and "
        "sentinel_username=, sentinel_password= if they want them. Certificates and host names are verified: "
        "ssl_ca_certs=/path/ca.crt names a private authority, ssl_certfile= and ssl_keyfile= what the client shows.",
    )
    data_dir: Path | None = Field(
        default=None,
        description="Where data sets lie ready: mnist.npz or the four IDX files of MNIST, those of Fashion-MNIST in a "
        "subfolder fashion-mnist.",
    )
    host: str = Field(default="127.0.0.1", description="The address that the API binds.")
    port: int = Field(default=8000, ge=1, le=65535, description="The port that the API binds.")
    allow_anonymous: bool = Field(
        default=False, description="Lets an API without keys bind an address that other machines can reach."
    )
    lease_seconds: float = Field(
        default=30.0, gt=0, description="How long a claimed run stays its owner's without a sign of life."
    )
    max_attempts: int = Field(
        default=3, ge=1, description="So many workers in a row may be lost over a run that gets no further."
    )
    reap_interval_seconds: float = Field(
        default=5.0,
        gt=0,
        description="How often a worker looks for runs whose lease has run out or that nobody trains.",
    )
    republish_seconds: float = Field(
        default=60.0, gt=0, description="A queued run that has had no message for so long gets another."
    )
    redelivery_seconds: float = Field(
        default=3600.0, gt=0, description="When a message that a lost worker had taken comes back."
    )
    max_queued_runs: int = Field(default=2000, ge=1, description="More runs than these do not wait at a time.")
    max_queued_runs_per_key: int = Field(default=500, ge=1, description="Nor more than these of one API key.")
    api_keys: Annotated[dict[str, str], NoDecode] = Field(
        default={},
        description="Who may use the API: NAME:SHA256 of each key, separated by commas, as `noisesweep key` prints it. "
        "Without any, the API is open to whoever reaches it.",
    )
    allowed_hosts: Annotated[list[str], NoDecode] = Field(
        default=[],
        description="Names that the API answers to, separated by commas; if unset, those of loopback where it binds "
        "loopback, and all elsewhere.",
    )
    cors_origins: Annotated[list[str], NoDecode] = Field(
        default=[], description="Web origins whose pages may use the API from a browser, separated by commas."
    )
    log_format: Literal["text", "json"] | None = Field(
        default=None, description="How log lines are written; text on a terminal and JSON elsewhere if unset."
    )
    retention_days: float = Field(default=30.0, gt=0, description="How long a sweep is kept after its end.")
    checkpoint_interval_seconds: float = Field(
        default=30.0, ge=0, description="A run's checkpoint is written at most so often, and at a stop."
    )
    model_retention_days: float = Field(
        default=7.0, gt=0, description="How long the trained model of a run is kept that asked for it."
    )
    stack: int | None = Field(
        default=None,
        ge=1,
        le=32,
        description="Runs of one seed that a process trains side by side; by device if unset.",
    )
    xla: bool | None = Field(default=None, description="Whether XLA compiles the training program; by device if unset.")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the signature is pydantic-settings'
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - it warns where there is no such folder
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return the sources by priority: arguments, the environment, the files of SECRETS."""
        secrets = SecretsSettingsSource(
            settings_cls, secrets_dir=SECRETS if os.access(SECRETS, os.R_OK | os.X_OK) else None
        )
        return init_settings, env_settings, secrets

    @field_validator("redis_url")
    @classmethod
    def _speaks_redis(cls, url: SecretStr) -> SecretStr:
        address.parse(url.get_secret_value())
        return url

    @field_validator("api_keys", mode="before")
    @classmethod
    def _names_and_hashes(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        keys: dict[str, str] = {}
        for entry in filter(None, map(str.strip, value.split(","))):
            match = _API_KEY.fullmatch(entry)
            if not match:
                raise ValueError("each key is NAME:SHA256, the hash as 64 hexadecimal digits; see `noisesweep key`")
            if match[1] in keys:
                raise ValueError(f"the name {match[1]} stands twice")
            keys[match[1]] = match[2]
        if not keys:
            raise ValueError("it names no key; leave it unset for a service without keys")
        return keys

    @field_validator("allowed_hosts", "cors_origins", mode="before")
    @classmethod
    def _separated_by_commas(cls, value: object) -> object:
        return list(filter(None, map(str.strip, value.split(",")))) if isinstance(value, str) else value

    @field_validator("allowed_hosts")
    @classmethod
    def _bare_names(cls, hosts: list[str]) -> list[str]:
        names = [host.lower().removeprefix("[").removesuffix("]") for host in hosts]
        for name in names:
            if not _HOST.fullmatch(name):
                raise ValueError(f"{name} is no host name or address; give each bare, without scheme and port")
        return names

    @property
    def serves_loopback_only(self) -> bool:
        """Whether `host` is reached from this machine alone."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


def variable(name: str) -> str:
    """Return the environment variable of a setting."""
    return f"{Settings.model_config['env_prefix']}{name}".upper()


def faults_of(error: ValidationError) -> dict[str, str]:
    """Return the error of each invalid setting by name. The received value is left out: it may be a password."""
    faults = error.errors(include_input=False)
    return {str(fault["loc"][0]): fault["msg"].removeprefix("Value error, ") for fault in faults}


def settings_or_exit(program: str) -> Settings:
    """Return the settings for an entry point. Exit with one line for each invalid setting."""
    try:
        return Settings()
    except ValidationError as error:
        sys.exit("\n".join(f"{program}: {variable(name)}: {fault}" for name, fault in faults_of(error).items()))
