"""API keys: their names and hashes, their roles, and the requests and answers about them."""

import hashlib
import re
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

# Name of an API key. The service's configuration and its logs identify a key by this name.
KEY_NAME = re.compile(r"[A-Za-z0-9_.-]{1,32}")

# Characters of a time in an error message.
MAX_TIME = 40


def hash_api_key(key: str) -> str:
    """Return the SHA-256 of an API key in hexadecimal digits. Only hashes are stored.

    The hash needs no salt, because a key of 256 random bits cannot be guessed.
    """
    return hashlib.sha256(key.encode()).hexdigest()


class Role(StrEnum):
    """Role of an API key: the permissions in the table of docs/how-to/class.md."""

    ADMIN = "admin"
    INSTRUCTOR = "instructor"
    MEMBER = "member"
    VIEWER = "viewer"

    @property
    def manages_all_sweeps(self) -> bool:
        """Return whether the role sees and changes what others have submitted."""
        return self in (Role.ADMIN, Role.INSTRUCTOR)


# A name at the end of a URL must not be . or .. there.
NEW_KEY_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}")
NewKeyName = Annotated[
    str,
    StringConstraints(pattern=f"^{NEW_KEY_NAME.pattern}$"),
    Field(
        description="Name of the key: 1 to 32 characters of A-Z a-z 0-9 _ . - with a letter or digit at the start.",
        examples=["alice"],
    ),
]
KeyName = Annotated[
    str,
    StringConstraints(pattern=f"^{KEY_NAME.pattern}$"),
    Field(description="Name of the key: 1 to 32 characters of A-Z a-z 0-9 _ . -", examples=["alice"]),
]
RoleField = Annotated[
    Role,
    Field(
        description="admin: manages keys and all sweeps. instructor: manages all sweeps and data sets. member: submits "
        "sweeps and changes its own. viewer: reads only.",
        examples=["member"],
    ),
]


def _parse_future(value: object) -> datetime:
    """Parse a time with a time zone in ISO 8601, which must be in the future. Return it in UTC."""
    expected = "expected a time in the future with its time zone, such as 2030-07-31T22:00:00Z"
    if isinstance(value, datetime):
        moment = value
    elif isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError as error:
            raise ValueError(f"{expected}, received {value[:MAX_TIME]!a}") from error
    else:
        raise ValueError(expected)  # noqa: TRY004 - pydantic reports only a ValueError
    try:
        is_future = moment.tzinfo is not None and moment.astimezone(UTC) > datetime.now(UTC)
    except OverflowError:
        is_future = False
    if not is_future:
        raise ValueError(f"{expected}, received {value}")
    return moment.astimezone(UTC)


class KeyRequest(BaseModel):
    """Body of POST /keys: an API key to create."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: NewKeyName
    role: RoleField = Role.MEMBER
    expires_at: Annotated[datetime, BeforeValidator(_parse_future)] | None = Field(
        default=None,
        description="Time after which the service refuses the key, with a time zone; null for never.",
        examples=["2099-07-31T22:00:00Z"],
    )


class ApiKey(BaseModel):
    """API key without the key itself, which is not stored."""

    name: KeyName
    role: RoleField
    prefix: str | None = Field(
        description="First characters of the key; null for a key in NOISESWEEP_API_KEYS.", examples=["ns_5pW0r"]
    )
    created_at: datetime | None = Field(
        description="Time when it was created, UTC; null for a key in NOISESWEEP_API_KEYS.",
        examples=["2026-03-02T09:00:00.123456Z"],
    )
    created_by: str | None = Field(
        description="Name of the key that created it; null for a key in NOISESWEEP_API_KEYS.", examples=["teacher"]
    )
    expires_at: datetime | None = Field(
        description="Time after which the service refuses the key, UTC; null for never.",
        examples=["2099-07-31T22:00:00Z"],
    )
    last_used_at: datetime | None = Field(
        description="Time of its last request, UTC, to about a minute; null if it was never used.",
        examples=["2026-03-02T09:05:00Z"],
    )


class CreatedKey(ApiKey):
    """New API key, with the key itself."""

    key: str = Field(
        description="The key. It is shown only in this answer.",
        examples=["ns_5pW0r0Xw2Jt9oXJb1q9mJ2bXl0K7m3d8r6f4Tz1yVhE"],
    )


class KeyList(BaseModel):
    """All API keys."""

    keys: list[ApiKey] = Field(description="Keys by name, with those in NOISESWEEP_API_KEYS.")


class Caller(BaseModel):
    """Sender of a request: the name and role of its API key."""

    model_config = ConfigDict(frozen=True)

    name: str = Field(description="Name of the API key; empty if the service has no keys.", examples=["alice"])
    role: RoleField
    only_sweep: str | None = Field(
        default=None,
        description="Id of the only sweep that the caller sees, because it presents a share link; otherwise null.",
        examples=[None],
    )
    only_dataset: str | None = Field(
        default=None, description="Name of the data set of this sweep; otherwise null.", examples=[None]
    )


# Without keys, everybody who can reach the service may do everything.
ANYONE = Caller(name="", role=Role.ADMIN)
