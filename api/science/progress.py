"""Progress of a sweep in words."""

from noisesweep.models import RunStatus, Sweep


def describe_progress(sweep: Sweep) -> str | None:
    """Return how far a sweep got, for example "cancelled after 1 of 250 epochs"; None if all runs have succeeded."""
    if sweep.status is RunStatus.SUCCEEDED:
        return None
    after = " after" if sweep.status.is_final else ","
    return f"{sweep.status}{after} {sweep.progress.epochs_done:,} of {sweep.progress.epochs_total:,} epochs"
