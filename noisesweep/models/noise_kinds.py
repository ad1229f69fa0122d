"""Kinds of noise, and the scales that each accepts."""

from enum import StrEnum

from noisesweep.models.float32 import format_number


class NoiseKind(StrEnum):
    """Kind of noise. GET /noise/kinds describes each one."""

    GAUSSIAN = "gaussian"
    UNIFORM = "uniform"
    SALT_AND_PEPPER = "salt_and_pepper"
    SPECKLE = "speckle"
    SHOT = "shot"

    @property
    def text(self) -> str:
        """Return the name as it stands in a sentence before the word "noise"."""
        return _TEXTS.get(self, self.value)

    @property
    def scale_limits(self) -> tuple[float, float]:
        """Return the smallest and the largest scale, apart from 0, which means no noise for every kind."""
        return _SCALE_LIMITS.get(self, (0.0, 1000.0))

    def accepts(self, scale: float) -> bool:
        """Return whether this kind of noise can have this scale."""
        low, high = self.scale_limits
        return scale == 0 or low <= scale <= high

    def check(self, scale: float) -> None:
        """Check a scale.

        Raises:
            ValueError: This kind of noise cannot have this scale.
        """
        if not self.accepts(scale):
            low, high = map(format_number, self.scale_limits)
            raise ValueError(
                f"expected 0 or a scale from {low} to {high} with {self.text} noise, received {format_number(scale)}"
            )


_TEXTS = {NoiseKind.GAUSSIAN: "Gaussian", NoiseKind.SALT_AND_PEPPER: "salt-and-pepper"}
# A share of pixels is at most 1. Below its limit, shot noise would need longer tables; it could not be seen.
_SCALE_LIMITS = {NoiseKind.SALT_AND_PEPPER: (0.0, 1.0), NoiseKind.SHOT: (0.05, 1000.0)}

# Scales of the five severities of ImageNet-C (Hendrycks and Dietterich 2019, "Benchmarking neural network robustness to
# common corruptions and perturbations"), whose generators clip. Its shot noise of c photons per white pixel has the
# scale 1 / sqrt(c): 60, 25, 12, 5 and 3 photons. Its impulse noise is salt and pepper.
IMAGENET_C_SCALES: dict[NoiseKind, tuple[float, ...]] = {
    NoiseKind.GAUSSIAN: (0.08, 0.12, 0.18, 0.26, 0.38),
    NoiseKind.SHOT: (0.129, 0.2, 0.289, 0.447, 0.577),
    NoiseKind.SALT_AND_PEPPER: (0.03, 0.06, 0.09, 0.17, 0.27),
    NoiseKind.SPECKLE: (0.15, 0.2, 0.35, 0.45, 0.6),
}
