"""Checks that a config can be trained: size of the holdout, the network and the stored models."""

from noisesweep.models import SweepRequest, TrainingConfig
from shared.architecture import EVALUATION_BATCHES
from shared.datasets import facts_of, image_outputs, image_work, model_bytes, parameter_count

# A checkpoint stores each parameter twice in four bytes. This stays far below the maximum value size of Redis (512 MB).
MAX_PARAMETERS = 20_000_000
# A dense layer has one for each parameter; a convolution has many.
MAX_MULTIPLY_ADDS = 200_000_000
# 1.6 GB in float32.
MAX_MINIBATCH_OUTPUTS = 400_000_000


class UnsupportedConfigError(Exception):
    """A config is well-formed, but this version of the service cannot train it.

    Attributes:
        field: The unsupported field of the config.
        detail: The expected and the received value, as text.
        received: The value of the field.
    """

    def __init__(self, field: str, detail: str, received: object) -> None:
        super().__init__(f"{field}: {detail}")
        self.field, self.detail, self.received = field, detail, received


def check_config(config: TrainingConfig) -> None:
    """Raise UnsupportedConfigError if the holdout or the network is too large, or the images are too small for it."""
    dataset = facts_of(config)
    if config.holdout and not dataset.classes <= config.holdout <= dataset.training_images // 2:
        raise UnsupportedConfigError(
            "holdout",
            f"expected 0, or {dataset.classes} to {dataset.training_images // 2:,} of the {dataset.training_images:,} "
            f"training images of {config.dataset}, received {config.holdout:,}",
            config.holdout,
        )
    _check_network(config, dataset.image_shape)


def _check_network(config: TrainingConfig, image_shape: tuple[int, int]) -> None:
    model, received = config.model, config.model.model_dump()
    need, (height, width) = model.smallest_image, image_shape
    if min(image_shape) < need:
        raise UnsupportedConfigError(
            "model",
            f"expected images of at least {need}x{need} pixels with {model.text}, received {config.dataset} with "
            f"{height}x{width}",
            received,
        )
    batch = max(config.batch_size, EVALUATION_BATCHES[model.kind])
    for limit, count, unit in (
        (MAX_PARAMETERS, parameter_count(config), "parameters"),
        (MAX_MULTIPLY_ADDS, image_work(config), "multiply-adds for an image"),
        (MAX_MINIBATCH_OUTPUTS, batch * image_outputs(config), f"outputs of layers for {batch:,} images"),
    ):
        if count > limit:
            raise UnsupportedConfigError(
                "model", f"expected at most {limit:,} {unit}, received {count:,} with {model.text}", received
            )


def stored_model_bytes(request: SweepRequest, runs: int) -> int:
    """Return about the size of the models that the sweep stores if it has this number of runs; 0 without keep_model."""
    return runs * model_bytes(request) if request.keep_model else 0


def check_models(request: SweepRequest, runs: int, max_bytes: int) -> None:
    """Raise UnsupportedConfigError if this number of runs of the sweep would store more than `max_bytes` of models."""
    size = stored_model_bytes(request, runs)
    if size > max_bytes:
        limit, received, each = (count / 1e6 for count in (max_bytes, size, model_bytes(request)))
        raise UnsupportedConfigError(
            "keep_model",
            f"expected at most {limit:,.1f} MB of models in a sweep, received {received:,.1f} MB: {runs} x {each:,.1f} "
            "MB. Reduce the number of runs or the units of the network, or set keep_model to false",
            request.keep_model,
        )
