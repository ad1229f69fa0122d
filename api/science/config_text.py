"""Text of training options, for captions and sentences."""

from noisesweep.models import Keep, NoiseKind, NoiseOn, TrainingConfig
from noisesweep.models.float32 import format_number
from shared.datasets import facts_of

# Text of options that are not numbers or names, as it follows the word "with".
_WORDS: dict[str, dict[object, str]] = {
    "resample": {True: "fresh noise", False: "noise drawn once"},
    "keep": {Keep.BEST: "the best epoch kept", Keep.LAST: "the last epoch kept"},
    "clip": {True: "clipped noise", False: "noise that is not clipped"},
    "noise": {kind: f"{kind.text} noise" for kind in NoiseKind},
    "noise_on": {
        NoiseOn.BOTH: "noise on training and validation images",
        NoiseOn.TRAIN: "noise on training images only",
        NoiseOn.VALIDATION: "noise on validation images only",
    },
}


def format_settings(config: TrainingConfig) -> dict[str, str]:
    """Return the text of each setting by name, without the noise settings; "" for a selection that is not made."""
    return {
        "dataset": config.dataset,
        "epochs": pluralize(config.epochs, "epoch"),
        "batch_size": f"batch size {config.batch_size}",
        "precision": config.precision.value,
        "model": config.model.text,
        "dropout": f"dropout {format_number(config.dropout)}",
        "learning_rate": f"learning rate {format_number(config.learning_rate)}",
        "test_noise": _format_tests(config),
        "holdout": f"{config.holdout:,} images held out" if config.holdout else "",
        "keep": "best epoch kept" if config.keep is Keep.BEST else "",
        "patience": f"patience {config.patience}" if config.patience else "",
    }


def _format_tests(config: TrainingConfig) -> str:
    kinds = (f"{kind.text} {', '.join(map(format_number, scales))}" for kind, scales in config.test_noise.items())
    return f"tested with {'; '.join(kinds)}" if config.test_noise else ""


def differing_settings(first: TrainingConfig, second: TrainingConfig) -> list[str]:
    """Return the names of the options in which two configs differ; `dataset` stands for the content of the data set."""
    names = [name for name in TrainingConfig.model_fields if name not in ("dataset", "own_dataset")]
    different = ["dataset"] if facts_of(first).content != facts_of(second).content else []
    return different + [name for name in names if getattr(first, name) != getattr(second, name)]


def format_setting(config: TrainingConfig, name: str) -> str:
    """Return the text of an option as it follows the word "with", for example "fresh noise" or "dropout 0.5"."""
    value = getattr(config, name)
    if name in _WORDS:
        return _WORDS[name][value]
    return format_settings(config).get(name, f"{name.replace('_', ' ')} {value}") or f"no {name}"


def pluralize(count: int, noun: str) -> str:
    """Return the count and the noun, in the plural unless the count is 1."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
