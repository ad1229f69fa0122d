"""Everything that is configured by the environment, each variable prefixed NOISESWEEP_."""

import ipaddress
from pathlib import Path

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """The environment of one process. Entry points build it; nothing reads it at import time."""

    model_config = SettingsConfigDict(env_prefix="NOISESWEEP_", env_ignore_empty=True, frozen=True)

    # A secret because it may carry a password: its repr shows none.
    redis_url: SecretStr = Field(
        default=SecretStr("redis://127.0.0.1:6379/0"),
        description="The Redis that holds records and queue: redis:// or rediss://.",
    )
    data_dir: Path | None = Field(
        default=None,
        description="Where data sets lie ready: mnist.npz, or the four IDX files of MNIST.",
    )
    host: str = Field(default="127.0.0.1", description="The address that the API binds.")
    port: int = Field(default=8000, ge=1, le=65535, description="The port that the API binds.")
    allow_anonymous: bool = Field(
        default=False, description="Lets the API bind an address that other machines can reach."
    )
    lease_seconds: float = Field(
        default=30.0, gt=0, description="How long a claimed run stays its owner's without a sign of life."
    )

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

    @field_validator("redis_url")
    @classmethod
    def _speaks_redis(cls, url: SecretStr) -> SecretStr:
        if not url.get_secret_value().startswith(("redis://", "rediss://")):
            raise ValueError("it must begin with redis:// or rediss://")
        return url

    @property
    def serves_loopback_only(self) -> bool:
        """Whether `host` is reached from this machine alone."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False
