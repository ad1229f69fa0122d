"""Quotas: limits of a role or an API key, and what a key uses of its limits."""

import re
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from noisesweep.models.keys import KEY_NAME, Role
from noisesweep.models.networks import as_integer

# Numbers of JSON and of the store are exact up to this one.
MAX_AMOUNT = 2**53 - 1
Amount = Annotated[int, Field(ge=0, le=MAX_AMOUNT), BeforeValidator(as_integer)]

HOLDER = re.compile(f"^(role:({Role.ADMIN}|{Role.INSTRUCTOR}|{Role.MEMBER})|key:{KEY_NAME.pattern})$")
Holder = Annotated[
    str,
    StringConstraints(pattern=HOLDER.pattern),
    Field(
        description="Whose quota it is: `role:` with admin, instructor or member, or `key:` with the name of a key.",
        examples=["role:member"],
    ),
]


class QuotaLimits(BaseModel):
    """Limits of one API key. A limit of a key precedes that of its role, which precedes that of the service."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    max_queued_runs: Amount | None = Field(
        default=None,
        description="Maximum number of queued runs; null for the next limit in that order.",
        examples=[100],
    )
    max_stored_bytes: Amount | None = Field(
        default=None,
        description="Maximum number of bytes that its sweeps and data sets occupy; null for the next limit.",
        examples=[500_000_000],
    )
    max_core_seconds_per_day: Amount | None = Field(
        default=None,
        description="Maximum number of core-seconds that the runs which it queues in 24 hours need, estimated; null "
        "for the next limit.",
        examples=[7200],
    )


class Quota(BaseModel):
    """Limits that an instructor or administrator has set for a role or a key."""

    holder: Holder
    limits: QuotaLimits = Field(description="The limits.")
    set_by: str = Field(description="Name of the key that set it.", examples=["teacher"])
    set_at: datetime = Field(description="Time when it was set, UTC.", examples=["2026-03-02T09:00:00.123456Z"])


class QuotaList(BaseModel):
    """All quotas."""

    quotas: list[Quota] = Field(description="Quotas of roles and keys, by holder.")
    service: QuotaLimits = Field(
        description="Limits of keys without a quota, from the settings of the service; null for no limit."
    )


class Usage(BaseModel):
    """Use that an API key makes of its limits."""

    queued_runs: int = Field(ge=0, description="Number of queued runs.", examples=[4])
    max_queued_runs: int = Field(ge=0, description="Maximum of that number.", examples=[100])
    stored_bytes: int = Field(
        ge=0, description="Bytes that the stored sweeps and data sets count for.", examples=[1_200_000]
    )
    max_stored_bytes: int = Field(ge=0, description="Maximum of these bytes.", examples=[500_000_000])
    core_seconds: float = Field(
        ge=0,
        description="Core-seconds that the runs queued in the last 24 hours need, estimated; 0 without keys, because "
        "then they are not counted.",
        examples=[312.5],
    )
    max_core_seconds_per_day: int | None = Field(
        description="Maximum of these core-seconds; null for no limit.", examples=[7200]
    )
