"""Request bodies."""

from collections.abc import Sequence
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    WrapValidator,
    model_validator,
)

from noisesweep.models.config import Scale, Seed, TrainingConfig, reject_duplicates
from noisesweep.models.networks import as_integer
from noisesweep.models.noise_kinds import NoiseKind
from noisesweep.models.text import TAG_KEY, Name, TagValue

MAX_SCALES = 64
MAX_RUNS = 256

TagKey = Annotated[str, StringConstraints(pattern=TAG_KEY)]


def _name_keys(schema: dict[str, Any]) -> None:
    """Replace `patternProperties`, which generators of clients ignore."""
    ((pattern, values),) = schema.pop("patternProperties").items()
    schema |= {"propertyNames": {"pattern": pattern}, "additionalProperties": values}


MAX_TAGS = 16
Tags = Annotated[
    dict[TagKey, TagValue],
    Field(
        max_length=MAX_TAGS,
        json_schema_extra=_name_keys,
        description="Up to 16 tags for filtering lists. A key has 1 to 32 characters of a-z 0-9 _ . - and a value has "
        "1 to 64 characters. Control characters are not allowed.",
        examples=[{"course": "ml-101", "group": "b"}],
    ),
]

Reuse = Annotated[
    bool,
    Field(
        description="Copy the results of runs that were already trained with the same config, data set, device type "
        "and numerics version. If false, train all runs.",
        examples=[True],
    ),
]


class TrainingRequest(TrainingConfig):
    """Training config plus the fields common to SweepRequest and RunRequest."""

    name: Name | None = Field(
        default=None, description="Display name of the sweep, without control characters.", examples=["week 3, group B"]
    )
    tags: Tags = Field(default={})
    keep_model: bool = Field(
        default=False,
        description="Keep the trained network of each run for some days, as a Keras model at /runs/{id}/model. The "
        "model computes in float32, so its val_accuracy may differ slightly from that of a mixed_bfloat16 run. With "
        "keep_model, all runs are trained: none is reused. The service limits the size of all models of a sweep.",
        examples=[False],
    )
    reuse: Reuse = True


def _check_scale(scale: float, info: ValidationInfo) -> float:
    """Check a scale against the limits of the request's kind of noise, if the kind is valid."""
    kind: NoiseKind | None = info.data.get("noise")
    if kind:
        kind.check(scale)
    return scale


ScaleOfKind = Annotated[Scale, AfterValidator(_check_scale)]
Repeats = Annotated[int, Field(ge=1, le=MAX_RUNS), BeforeValidator(as_integer)]


class SweepRequest(TrainingRequest):
    """Body of POST /sweeps: a grid of scales x seeds that share one TrainingConfig."""

    model_config = ConfigDict(json_schema_extra={"not": {"required": ["seeds", "repeats"]}})

    scales: Annotated[list[ScaleOfKind], WrapValidator(reject_duplicates)] = Field(
        min_length=1,
        max_length=MAX_SCALES,
        json_schema_extra={"uniqueItems": True},
        description=f"Noise scales: 1 to {MAX_SCALES} different values.",
        examples=[[0.1, 0.5, 1.0, 2.0, 4.0]],
    )
    include_clean: bool = Field(
        default=False,
        description="Also train at scale 0, without noise, as a reference.",
        examples=[True],
    )
    seeds: Annotated[list[Seed], WrapValidator(reject_duplicates)] = Field(
        default=[0],
        min_length=1,
        max_length=MAX_RUNS,
        json_schema_extra={"uniqueItems": True},
        description=f"Seeds. One network is trained per scale and seed, and a sweep has at most {MAX_RUNS} runs.",
        examples=[[0]],
    )
    repeats: Repeats | None = Field(
        default=None,
        description="Number of seeds, instead of `seeds`: 5 means the seeds 0, 1, 2, 3 and 4.",
        examples=[5],
    )

    @model_validator(mode="after")
    def _expand(self) -> Self:
        """Expand `repeats` into `seeds` and `include_clean` into `scales`, in place."""
        if self.repeats is not None:
            seeds = list(range(self.repeats))
            if "seeds" in self.model_fields_set and self.seeds != seeds:
                raise ValueError("expected seeds or repeats, received both")
            self.seeds[:] = seeds
        if self.include_clean and 0 not in self.scales:
            self.scales.insert(0, 0.0)
        return self

    @model_validator(mode="after")
    def _check_size(self) -> Self:
        if len(self.scales) > MAX_SCALES:
            raise ValueError(f"expected at most {MAX_SCALES} scales including scale 0, received {len(self.scales)}")
        runs = len(self.scales) * len(self.seeds)
        if runs > MAX_RUNS:
            raise ValueError(
                f"expected at most {MAX_RUNS} runs, received {len(self.scales)} scales x {len(self.seeds)} seeds = "
                f"{runs} runs"
            )
        return self

    def extended(self, scales: Sequence[float], seeds: Sequence[int]) -> "SweepRequest":
        """Return a copy with more scales and seeds. The existing ones keep their positions.

        Raises:
            pydantic.ValidationError: The copy has more scales, seeds or runs than a sweep may have.
        """
        grid = {
            "scales": list(dict.fromkeys([*self.scales, *scales])),
            "seeds": list(dict.fromkeys([*self.seeds, *seeds])),
        }
        return SweepRequest.model_validate(self.model_dump(exclude={"repeats", "include_clean"}) | grid)

    def grid(self) -> list[tuple[float, int]]:
        """Return (scale, seed) of every run, by run index.

        Runs of one seed are adjacent, so that one stack can train them together.
        """
        return [(scale, seed) for seed in self.seeds for scale in self.scales]


class RunRequest(TrainingRequest):
    """Body of POST /runs: a single training, stored as a sweep of one run."""

    scale: ScaleOfKind
    seed: Seed = 0

    def as_sweep(self) -> SweepRequest:
        """Return the request as a sweep of one run."""
        return SweepRequest(
            scales=[self.scale],
            seeds=[self.seed],
            name=self.name,
            tags=self.tags,
            keep_model=self.keep_model,
            reuse=self.reuse,
            **self.config.model_dump(),
        )


class ExtensionRequest(BaseModel):
    """Body of POST /sweeps/{id}/runs: scales and seeds to add to the grid of a sweep."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, json_schema_extra={"minProperties": 1})

    scales: Annotated[list[Scale], WrapValidator(reject_duplicates)] = Field(
        default=[],
        max_length=MAX_SCALES,
        json_schema_extra={"uniqueItems": True},
        description="Scales to add. Each is trained with all seeds of the sweep, old and new.",
        examples=[[3.0, 6.0]],
    )
    seeds: Annotated[list[Seed], WrapValidator(reject_duplicates)] = Field(
        default=[],
        max_length=MAX_RUNS,
        json_schema_extra={"uniqueItems": True},
        description="Seeds to add. Each is trained at all scales of the sweep, old and new.",
        examples=[[5, 6]],
    )
    reuse: bool | None = Field(
        default=None,
        description="Same as `reuse` of POST /sweeps. If null, use the value that the sweep was submitted with.",
        examples=[None],
    )

    @model_validator(mode="after")
    def _check_not_empty(self) -> Self:
        if not (self.scales or self.seeds):
            raise ValueError("expected scales or seeds to add, received neither")
        return self


class TooManyTagsError(ValueError):
    """A change would give a sweep more than MAX_TAGS tags."""


class EditRequest(BaseModel):
    """Body of PATCH /sweeps/{id}: a JSON merge patch (RFC 7396) of the name and the tags.

    Omitted fields and tags do not change, so simultaneous changes of different tags are all made.
    """

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, json_schema_extra={"minProperties": 1})

    name: Name | None = Field(
        default=None, description="New display name; null removes the name.", examples=["week 3, group B"]
    )
    tags: Annotated[dict[TagKey, TagValue | None], Field(json_schema_extra=_name_keys)] | None = Field(
        default=None,
        description="Tags to add or to replace. A tag with the value null is removed, and null instead of an object "
        "removes all tags. Limits: as in POST /sweeps.",
        examples=[{"group": "b", "course": None}],
    )

    @model_validator(mode="after")
    def _check_not_empty(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("expected name or tags, received neither")
        return self

    def applied_to(self, request: SweepRequest) -> SweepRequest:
        """Return a request with these changes.

        Raises:
            TooManyTagsError: It would have too many tags.
        """
        changed: dict[str, object] = {"name": self.name} if "name" in self.model_fields_set else {}
        if "tags" in self.model_fields_set:
            merged = {} if self.tags is None else {**request.tags, **self.tags}
            tags = {key: value for key, value in merged.items() if value is not None}
            if len(tags) > MAX_TAGS:
                raise TooManyTagsError(f"expected up to {MAX_TAGS} tags, received a change that gives {len(tags)}")
            changed["tags"] = tags
        return request.model_copy(update=changed)
