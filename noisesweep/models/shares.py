"""Share links: each shows one sweep to everybody who has it, without an API key."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from noisesweep.models.links import Link
from noisesweep.models.networks import as_integer
from noisesweep.models.runs import Submitter

MAX_SHARE_DAYS = 366


class ShareRequest(BaseModel):
    """Body of POST /sweeps/{id}/shares: a share link to create."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    expires_in_days: Annotated[int, BeforeValidator(as_integer)] = Field(
        default=90, ge=1, le=MAX_SHARE_DAYS, description="Days after which the link no longer works.", examples=[90]
    )


class Share(BaseModel):
    """Share link of a sweep, without its secret."""

    id: str = Field(description="Id of the share link: 8 hexadecimal digits.", examples=["0f3c9a41"])
    created_at: datetime = Field(description="Time of its creation, UTC.", examples=["2026-03-02T09:00:00.123456Z"])
    created_by: Submitter
    expires_at: datetime = Field(
        description="Time after which it no longer works, UTC.", examples=["2026-05-31T09:00:00.123456Z"]
    )


class CreatedShare(Share):
    """New share link, with its secret."""

    token: str = Field(
        description="Token that reads the sweep, in place of an API key. It is shown only in this answer.",
        examples=["nss_5f0c6a1e9b3d2748_5pW0r0Xw2Jt9oXJb1q9mJ2bXl0K7m3d8r6f4Tz1yVhE"],
    )
    page: Link = Field(
        description="Path of the sweep's page, with the token in its fragment, which browsers send to no server.",
        examples=["/ui/sweeps/5f0c6a1e9b3d2748#share=nss_5f0c6a1e9b3d2748_5pW0r0Xw2Jt9..."],
    )


class ShareList(BaseModel):
    """Share links of a sweep."""

    shares: list[Share] = Field(description="Valid share links, oldest first.")
