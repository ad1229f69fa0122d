"""Warning about results of different numerics versions."""

from collections.abc import Iterable

from noisesweep.models import RunSummary

REMEDY = "To train the runs of older versions again, submit the sweep again."


def mixed_numerics(runs: Iterable[RunSummary]) -> str | None:
    """Return a warning if the stored epochs of the runs have several numerics versions; None otherwise."""
    versions = sorted({run.numerics for run in runs if run.epochs_done and run.numerics is not None})
    if len(versions) < 2:  # noqa: PLR2004 - one version is not mixed
        return None
    listed = f"{', '.join(map(str, versions[:-1]))} and {versions[-1]}"
    return f"The runs have different numerics versions ({listed}), so they are not exactly comparable."
