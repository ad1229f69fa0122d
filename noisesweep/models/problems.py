"""Problem documents (RFC 9457), the response bodies of rejected requests."""

from typing import Any

from pydantic import BaseModel, Field

from noisesweep.models.text import Shown


class InvalidField(BaseModel):
    """An invalid field of a request."""

    pointer: Shown = Field(
        description="JSON pointer into the body, or the name of a query parameter.", examples=["#/scales/1"]
    )
    detail: Shown = Field(description="Expected value.", examples=["expected a number of at least 0"])
    received: Any = Field(default=None, description="Received value, shortened if it is long.", examples=[-0.5])

    @property
    def path(self) -> str:
        """Return the pointer without its prefix, for example scales/1; "" if it points to the whole body."""
        return self.pointer.removeprefix("#").removeprefix("/")

    def __str__(self) -> str:
        """Return the path of the field and the expected value."""
        return f"{self.path}: {self.detail}" if self.path else self.detail


class Problem(BaseModel):
    """RFC 9457 problem document."""

    type: str = Field(
        description="Problem type: the path of a page that explains it.",
        examples=["/problems/not-found"],
    )
    title: str = Field(description="Short name of the problem type.", examples=["Not found"])
    status: int = Field(description="HTTP status code.", examples=[404])
    detail: Shown = Field(
        description="Explanation of this problem and of what to do about it.",
        examples=['No sweep has the id "5f0c6a1e9b3d2748".'],
    )
    instance: str = Field(default="", description="Path of the request.", examples=["/sweeps/5f0c6a1e9b3d2748"])
    errors: list[InvalidField] | None = Field(default=None, description="All invalid fields, if the status is 422.")
