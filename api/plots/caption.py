"""Captions of plots: title, noise placement, reading notes, settings and source."""

from collections import Counter
from collections.abc import Collection, Sequence

from pydantic import BaseModel, ConfigDict, Field

from api.science.config_text import format_settings, pluralize
from api.science.numerics import mixed_numerics
from noisesweep.models import Interval, IntervalTarget, NoiseKind, NoiseOn, Run, RunStatus, Sweep, TrainingConfig

_NOISY_IMAGES = {
    NoiseOn.BOTH: "training and validation images",
    NoiseOn.TRAIN: "training images only",
    NoiseOn.VALIDATION: "validation images only",
}


class Caption(BaseModel):
    """Text of a plot, shown in the picture and stored in the metadata of its file."""

    model_config = ConfigDict(frozen=True)

    title: str = Field(description="Title of the plot.", examples=["Accuracy of Model With Increasing Noise"])
    subtitle: str = Field(
        description="The images that get noise.", examples=["noise on training and validation images"]
    )
    warnings: tuple[str, ...] = Field(
        default=(), description="Reasons why the curves cannot be compared as they are, one per line."
    )
    notes: tuple[str, ...] = Field(description="Notes on how to read the plot, one per line.")
    settings: str = Field(description="Training settings.", examples=["mnist, 20 epochs, batch size 128, seed 0"])
    source: str = Field(description="Id of the sweep or run.", examples=["sweep 5f0c6a1e9b3d2748"])
    config: str = Field(description="The training config as JSON.", examples=['{"dataset": "mnist", "epochs": 20}'])


def caption(subject: Sweep | Run, title: str, *notes: str) -> Caption:
    """Return the caption of a plot of a sweep or a run."""
    runs = [subject] if isinstance(subject, Run) else subject.runs
    mixed = mixed_numerics(runs)
    return Caption(
        title=title,
        subtitle=format_noise(subject.config),
        notes=(*notes, mixed) if mixed else notes,
        settings=f"{format_config(subject.config)}, {format_seeds(sorted({run.seed for run in runs}))}",
        source=f"{'run' if isinstance(subject, Run) else 'sweep'} {subject.id}",
        config=subject.config.model_dump_json(),
    )


def format_noise(config: TrainingConfig) -> str:
    """Describe the kind of noise, which images get it, and whether it is clipped or resampled."""
    text = "" if config.noise is NoiseKind.GAUSSIAN else f"{config.noise.text} "
    text += f"noise on {_NOISY_IMAGES[config.noise_on]}"
    text += ", clipped to [0, 1]" if config.clip else ""
    return text + (", drawn again in every epoch" if config.resample else "")


def format_config(config: TrainingConfig) -> str:
    """Return the main settings, and all others that differ from the default."""
    default = TrainingConfig()
    always = ("dataset", "epochs", "batch_size", "precision")
    shown = {
        name: text
        for name, text in format_settings(config).items()
        if name in always or getattr(config, name) != getattr(default, name)
    }
    return ", ".join(shown.values())


def format_seeds(seeds: Sequence[int]) -> str:
    """Return the seeds as text: a range if ascending `seeds` are consecutive, otherwise their number."""
    if len(seeds) == 1:
        return f"seed {seeds[0]}"
    if seeds[-1] - seeds[0] == len(seeds) - 1:
        return f"seeds {seeds[0]} to {seeds[-1]}"
    return f"{len(seeds)} seeds"


def format_seed_count(counts: Collection[int]) -> str:
    """Return numbers of seeds as text, as a range if they differ; "" if all are 1."""
    fewest, most = min(counts, default=1), max(counts, default=1)
    if most == 1:
        return ""
    return f"{most} seeds" if fewest == most else f"{fewest} to {most} seeds"


def describe_intervals(intervals: Collection[Interval]) -> str:
    """Return the note that explains means over seeds and what their intervals are about."""
    targets = {interval.target for interval in intervals}
    seeds = format_seed_count({interval.seeds for interval in intervals})
    mean = f"Mean of {seeds}" if seeds else "One seed"
    about = []
    if IntervalTarget.SEEDS in targets:
        about.append("other seeds on these images")
    if IntervalTarget.IMAGES in targets:
        about.append(f"{'one seed: ' if seeds else ''}this network on other images")
    return f"{mean}, with 95 % interval ({'; '.join(about)})." if about else f"{mean}, without interval."


def progress_note(sweep: Sweep) -> str | None:
    """Return a note on unfinished, failed and cancelled runs; None if every run has succeeded."""
    counts = Counter(run.status for run in sweep.runs)
    others = [
        f"{counts[status]} {status}" for status in RunStatus if status is not RunStatus.SUCCEEDED and counts[status]
    ]
    if not others:
        return None
    succeeded = counts[RunStatus.SUCCEEDED]
    done = f"{succeeded} of {pluralize(len(sweep.runs), 'run')} succeeded" if succeeded else "No run has succeeded"
    return f"{done}: {', '.join(others)}"
