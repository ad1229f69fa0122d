"""Results of a class: all sweeps with one tag, pooled."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from noisesweep.models.config import Scale, TrainingConfig
from noisesweep.models.links import Link
from noisesweep.models.requests import TagKey
from noisesweep.models.runs import RunStatus, Submitter
from noisesweep.models.statistics import Interval
from noisesweep.models.text import CONTROL, Shown, TagValue

_KEY: TypeAdapter[str] = TypeAdapter(TagKey)
_VALUE: TypeAdapter[str] = TypeAdapter(TagValue)


def _check_tag(tag: str) -> str:
    """Return the tag unchanged. Raise ValueError unless its key and its value may be those of a sweep."""
    key, colon, value = tag.partition(":")
    try:
        _KEY.validate_python(key)
        if colon:
            _VALUE.validate_python(value)
    except ValidationError as error:
        raise ValueError(
            "expected a tag, key or key:value, with 1 to 32 characters of a-z 0-9 _ . - in the key and 1 to 64 "
            "characters in the value"
        ) from error
    return tag


# A key contains no colon, so the first colon ends it.
Tag = Annotated[
    str,
    AfterValidator(_check_tag),
    Field(
        json_schema_extra={"pattern": rf"^[a-z0-9_.-]{{1,32}}(:[^{CONTROL}]{{1,64}})?$"},
        description="Tag that the sweeps of the class have, `key` or `key:value`.",
        examples=["course:ml-101"],
    ),
]


class ClassMember(BaseModel):
    """Member of a class: everyone who has submitted a sweep with the tag."""

    model_config = ConfigDict(frozen=True)

    name: Submitter
    status: RunStatus = Field(
        description="succeeded if a sweep of the member has succeeded, otherwise the status of the newest one.",
        examples=["succeeded"],
    )
    sweeps: int = Field(ge=1, description="Number of sweeps of the member with the tag.", examples=[2])
    finished: int = Field(ge=0, description="Number of these that have succeeded.", examples=[1])
    newest_finished: str | None = Field(
        description="Id of the member's newest sweep that has succeeded; null if there is none.",
        examples=["5f0c6a1e9b3d2748"],
    )
    link: Link | None = Field(
        description="Path of that sweep; null if there is none.", examples=["/sweeps/5f0c6a1e9b3d2748"]
    )


class ClassSweep(BaseModel):
    """Sweep with the tag of a class."""

    model_config = ConfigDict(frozen=True)

    id: str = Field(description="Id of the sweep.", examples=["5f0c6a1e9b3d2748"])
    name: Shown | None = Field(description="Display name of the sweep.", examples=["week 3, group B"])
    submitter: Submitter
    status: RunStatus = Field(description="Status of the sweep.", examples=["succeeded"])
    succeeded: int = Field(ge=0, description="Number of its runs that have succeeded.", examples=[5])
    runs: int = Field(ge=1, description="Number of its runs.", examples=[5])
    pooled: bool = Field(
        description="True if the sweep has the settings of the class, so that its succeeded runs are in the mean.",
        examples=[True],
    )
    link: Link = Field(description="Path of the sweep.", examples=["/sweeps/5f0c6a1e9b3d2748"])


class ClassScale(BaseModel):
    """Pooled accuracy of a class at one scale, over all seeds. A seed that several runs have counts once."""

    model_config = ConfigDict(frozen=True)

    scale: Scale
    val_accuracy: Interval = Field(
        description="Mean val_accuracy over the different seeds, with Student's interval for several seeds; with a "
        "holdout the accuracy on the test images."
    )
    networks: int = Field(ge=1, description="Number of different networks: one for each seed.", examples=[12])


class ClassResults(BaseModel):
    """Sweeps with one tag: who has finished, and the mean accuracy over the seeds of all of them."""

    tag: Shown = Field(description="The tag, `key` or `key:value`.", examples=["course:ml-101"])
    config: TrainingConfig | None = Field(
        description="Settings of the class: those that most members have. The mean contains only sweeps with them, "
        "but test_noise may differ. Null without a sweep."
    )
    members: list[ClassMember] = Field(
        description="Members by name. Sweeps that were submitted without an API key have one member without a name, "
        "the last one."
    )
    sweeps: list[ClassSweep] = Field(description="Sweeps with the tag, newest first.")
    scales: list[ClassScale] = Field(description="Pooled accuracy at each scale, ascending.")
    sentence: Shown = Field(
        description="The results in plain English.",
        examples=["14 of 16 members have a finished sweep."],
    )
    remarks: list[Shown] = Field(description="What the mean leaves out or counts once, and how to get more.")
