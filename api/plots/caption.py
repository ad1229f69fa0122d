"""The words of a plot: title, where the noise is, how to read it, and where it is from."""

from collections import Counter
from collections.abc import Collection, Sequence

from pydantic import BaseModel, ConfigDict, Field

from noisesweep.models import NoiseOn, Run, RunStatus, Sweep, TrainingConfig

_NOISY = {
    NoiseOn.BOTH: "training and validation images",
    NoiseOn.TRAIN: "training images only",
    NoiseOn.VALIDATION: "validation images only",
}


class Caption(BaseModel):
    """The words of a plot, on the picture and in its file's metadata."""

    model_config = ConfigDict(frozen=True)

    title: str = Field(description="What the plot shows.", examples=["Accuracy of Model With Increasing Noise"])
    subtitle: str = Field(
        description="Which images have the noise.", examples=["noise on training and validation images"]
    )
    notes: tuple[str, ...] = Field(description="How to read it, line by line.")
    settings: str = Field(description="What was trained.", examples=["mnist, 20 epochs, batch size 128, seed 0"])
    source: str = Field(description="The sweep or run.", examples=["sweep 5f0c6a1e9b3d2748"])
    config: str = Field(description="The config as JSON.", examples=['{"dataset": "mnist", "epochs": 20}'])


def caption(of: Sweep | Run, title: str, *notes: str) -> Caption:
    """Return the words of a plot of a sweep or a run."""
    seeds = [of.seed] if isinstance(of, Run) else sorted({run.seed for run in of.runs})
    return Caption(
        title=title,
        subtitle=words_of_noise(of.config),
        notes=notes,
        settings=f"{words_of_config(of.config)}, {words_of_seeds(seeds)}",
        source=f"{'run' if isinstance(of, Run) else 'sweep'} {of.id}",
        config=of.config.model_dump_json(),
    )


def words_of_noise(config: TrainingConfig) -> str:
    """Return which images have the noise, and whether it is clipped or resampled."""
    words = f"noise on {_NOISY[config.noise_on]}"
    words += ", clipped to [0, 1]" if config.clip else ""
    return words + (", drawn anew every epoch" if config.resample else "")


def words_of_settings(config: TrainingConfig) -> dict[str, str]:
    """Return each setting other than the noise in words, by name."""
    return {
        "dataset": config.dataset,
        "epochs": counted(config.epochs, "epoch"),
        "batch_size": f"batch size {config.batch_size}",
        "precision": config.precision.value,
        "hidden_units": f"hidden units {'-'.join(map(str, config.hidden_units))}",
        "dropout": f"dropout {config.dropout:g}",
        "learning_rate": f"learning rate {config.learning_rate:g}",
    }


def words_of_config(config: TrainingConfig) -> str:
    """The settings that one wants to know of in any case, and those that are not the default."""
    default = TrainingConfig()
    always = ("dataset", "epochs", "batch_size", "precision")
    said = {
        name: words
        for name, words in words_of_settings(config).items()
        if name in always or getattr(config, name) != getattr(default, name)
    }
    return ", ".join(said.values())


def words_of_seeds(seeds: Sequence[int]) -> str:
    """The seeds, ascending; those that follow each other from the first to the last by these two."""
    if len(seeds) == 1:
        return f"seed {seeds[0]}"
    if seeds[-1] - seeds[0] == len(seeds) - 1:
        return f"seeds {seeds[0]} to {seeds[-1]}"
    return f"{len(seeds)} seeds"


def words_of_counts(counts: Collection[int]) -> str:
    """Over how many seeds figures are taken, each over its own number; "" where each is of one."""
    fewest, most = min(counts, default=1), max(counts, default=1)
    if most == 1:
        return ""
    return f"{most} seeds" if fewest == most else f"{fewest} to {most} seeds"


def words_of_mean(fewest: int, most: int) -> str:
    """Return the sentence on means over several seeds and their intervals."""
    seeds = words_of_counts({fewest, most})
    if not seeds:
        return "One seed: no interval."
    return f"Mean of {seeds} with its 95 % interval (Student's t over seeds); faint: each seed."


def remark(sweep: Sweep) -> str | None:
    """Return a note on unfinished or failed runs; None if every run has succeeded."""
    counts = Counter(run.status for run in sweep.runs)
    others = [
        f"{counts[status]} {status}" for status in RunStatus if status is not RunStatus.SUCCEEDED and counts[status]
    ]
    if not others:
        return None
    succeeded = counts[RunStatus.SUCCEEDED]
    done = f"{succeeded} of {counted(len(sweep.runs), 'run')} succeeded" if succeeded else "No run has succeeded"
    return f"{done}: {', '.join(others)}"


def counted(count: int, noun: str) -> str:
    """The count and the noun in its number."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
