"""Request bodies."""

from collections.abc import Sequence
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from noisesweep.models.config import Scale, Seed, TrainingConfig, as_integer, refuse_repeats

MAX_SCALES = 64
MAX_RUNS = 256

TagKey = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_.-]{1,32}$")]
TagValue = Annotated[str, StringConstraints(min_length=1, max_length=64)]
# The pattern lets the schema say, too, that blanks alone are no name.
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=r"\S")]


Reuse = Annotated[
    bool,
    Field(
        description="Answer a run that was trained before, on the same data and kind of device by the same version of "
        "the program, from that run. False trains it anyway.",
        examples=[True],
    ),
]


class TrainingRequest(TrainingConfig):
    """Fields that both requests have besides the config."""

    name: Name | None = Field(default=None, description="A name for people.", examples=["week 3, group B"])
    tags: dict[TagKey, TagValue] = Field(
        default={},
        max_length=16,
        json_schema_extra={"additionalProperties": False},
        description="Up to 16 labels to find it by: keys of 1 to 32 characters of a-z 0-9 _ . -, values of 1 to 64.",
        examples=[{"course": "ml-101", "group": "b"}],
    )
    keep_model: bool = Field(
        default=False,
        description="Keep each run's trained network for some days, as a Keras model at /runs/{id}/model. The model "
        "computes in float32, so that it meets the val_accuracy of a mixed_bfloat16 run only to within rounding. "
        "Such a run is always trained, never reused.",
        examples=[False],
    )
    reuse: Reuse = True


Repeats = Annotated[int, Field(ge=1, le=MAX_RUNS), BeforeValidator(as_integer)]


class SweepRequest(TrainingRequest):
    """The body of POST /sweeps: a grid of scales x seeds over one TrainingConfig."""

    model_config = ConfigDict(json_schema_extra={"not": {"required": ["seeds", "repeats"]}})

    scales: Annotated[list[Scale], AfterValidator(refuse_repeats)] = Field(
        min_length=1,
        max_length=MAX_SCALES,
        json_schema_extra={"uniqueItems": True},
        description=f"The noise scales to train at: 1 to {MAX_SCALES} different ones.",
        examples=[[0.1, 0.5, 1.0, 2.0, 4.0]],
    )
    include_clean: bool = Field(
        default=False,
        description="Train at scale 0 as well, to compare with.",
        examples=[True],
    )
    seeds: Annotated[list[Seed], AfterValidator(refuse_repeats)] = Field(
        default=[0],
        min_length=1,
        max_length=MAX_RUNS,
        json_schema_extra={"uniqueItems": True},
        description=f"Each scale is trained once per seed; scales x seeds give at most {MAX_RUNS} runs.",
        examples=[[0]],
    )
    repeats: Repeats | None = Field(
        default=None,
        description="A number of seeds instead of the seeds themselves: 5 stands for 0, 1, 2, 3 and 4.",
        examples=[5],
    )

    @model_validator(mode="after")
    def _expand(self) -> Self:
        """Let `scales` and `seeds` hold all that is asked for; the lists are this request's own."""
        if self.repeats is not None:
            seeds = list(range(self.repeats))
            if "seeds" in self.model_fields_set and self.seeds != seeds:
                raise ValueError("give seeds or repeats, not both")
            self.seeds[:] = seeds
        if self.include_clean and 0 not in self.scales:
            self.scales.insert(0, 0.0)
        return self

    @model_validator(mode="after")
    def _fits_one_sweep(self) -> Self:
        if len(self.scales) > MAX_SCALES:
            raise ValueError(f"with the clean one they are {len(self.scales)} scales; a sweep has at most {MAX_SCALES}")
        runs = len(self.scales) * len(self.seeds)
        if runs > MAX_RUNS:
            raise ValueError(
                f"{len(self.scales)} scales x {len(self.seeds)} seeds are {runs} runs; a sweep has at most {MAX_RUNS}"
            )
        return self

    def extended(self, scales: Sequence[float], seeds: Sequence[int]) -> "SweepRequest":
        """Return the request with more scales and seeds. Those it already has keep their positions.

        Raises:
            pydantic.ValidationError: They are more than a sweep may have.
        """
        grown = {
            "scales": list(dict.fromkeys([*self.scales, *scales])),
            "seeds": list(dict.fromkeys([*self.seeds, *seeds])),
        }
        return SweepRequest.model_validate(self.model_dump(exclude={"repeats", "include_clean"}) | grown)

    def grid(self) -> list[tuple[float, int]]:
        """Return (scale, seed) of every run by index. Runs of one seed are adjacent, so they can share a stack."""
        return [(scale, seed) for seed in self.seeds for scale in self.scales]


class RunRequest(TrainingRequest):
    """The body of POST /runs: one training, which is a sweep of one run."""

    scale: Scale
    seed: Seed = 0

    def as_sweep(self) -> SweepRequest:
        """The sweep of one that this run is."""
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
    """The body of POST /sweeps/{id}/runs: scales and seeds that a sweep's grid is to have as well."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, json_schema_extra={"minProperties": 1})

    scales: Annotated[list[Scale], AfterValidator(refuse_repeats)] = Field(
        default=[],
        max_length=MAX_SCALES,
        json_schema_extra={"uniqueItems": True},
        description="Scales to add, each trained with every seed of the sweep, old and new.",
        examples=[[3.0, 6.0]],
    )
    seeds: Annotated[list[Seed], AfterValidator(refuse_repeats)] = Field(
        default=[],
        max_length=MAX_RUNS,
        json_schema_extra={"uniqueItems": True},
        description="Seeds to add, each trained at every scale of the sweep, old and new.",
        examples=[[5, 6]],
    )
    reuse: bool | None = Field(
        default=None,
        description="As in the submission of a sweep; null does as the sweep's own did.",
        examples=[None],
    )

    @model_validator(mode="after")
    def _asks_for_something(self) -> Self:
        if not (self.scales or self.seeds):
            raise ValueError("give scales or seeds to add, or both")
        return self
