"""Problem documents (RFC 9457): what the service answers when it refuses a request."""

from typing import Any

from pydantic import BaseModel, Field


class InvalidField(BaseModel):
    """An invalid field of a request."""

    pointer: str = Field(
        description="Where: a JSON pointer into the body, or the name of a query parameter.", examples=["#/scales/1"]
    )
    detail: str = Field(description="What is allowed.", examples=["Input should be greater than or equal to 0"])
    received: Any = Field(default=None, description="What came, cut short where it is long.", examples=[-0.5])

    @property
    def path(self) -> str:
        """Return the pointer as people read it, such as scales/1; "" if the whole body is wrong."""
        return self.pointer.removeprefix("#").removeprefix("/")

    def __str__(self) -> str:
        """Return where the field is, and what is allowed."""
        return f"{self.path}: {self.detail}" if self.path else self.detail


class Problem(BaseModel):
    """An RFC 9457 problem document."""

    type: str = Field(
        description="What kind of problem it is: a page of this service that explains it.",
        examples=["/problems/not-found"],
    )
    title: str = Field(description="The kind of problem in a few words.", examples=["There is nothing at this address"])
    status: int = Field(description="The HTTP status.", examples=[404])
    detail: str = Field(
        description="What happened here and what to do about it.",
        examples=['No sweep has the id "5f0c6a1e9b3d2748".'],
    )
    instance: str = Field(default="", description="The path that was asked for.", examples=["/sweeps/5f0c6a1e9b3d2748"])
    errors: list[InvalidField] | None = Field(default=None, description="For 422: every field that is wrong.")
