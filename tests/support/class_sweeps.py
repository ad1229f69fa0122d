"""Ended sweeps of the members of a class."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from noisesweep.models import Sweep, TrainingConfig
from tests.support.measured import End, measured_sweep

START = datetime(2026, 3, 2, 9, tzinfo=UTC)


def member_sweep(
    number: int,
    submitter: str | None,
    curves: Mapping[int, Mapping[float, End]],
    config: TrainingConfig | None = None,
    name: str | None = None,
) -> Sweep:
    """Return a sweep with a curve for each seed. A higher number is newer, and is the id."""
    seeds = list(curves)
    measured = measured_sweep(*curves.values(), config=config)
    runs = [run.model_copy(update={"seed": seeds[run.seed]}) for run in measured.runs]
    sweep_id = f"{number:016x}"
    links = measured.links.model_copy(update={"self": f"/sweeps/{sweep_id}"})
    fields = {"id": sweep_id, "submitter": submitter, "seeds": seeds, "runs": runs, "links": links, "name": name}
    return measured.model_copy(update=fields | {"created_at": START + timedelta(minutes=number)})
