"""Completion of the ids of sweeps and runs in the shell."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import typer

from noisesweep import NoiseSweep, SweepHandle
from noisesweep.client.prose import describe_grid

MAX_SWEEPS = 50
# Nobody waits longer for a completion.
SECONDS = 2.0

Completion = tuple[str, str]


def complete_sweep(context: typer.Context, incomplete: str) -> list[Completion]:
    """Return `last` and the newest sweeps whose ids begin with a text, each with a description."""
    found = [(sweep.id, _describe(sweep)) for sweep in _sweeps(context, incomplete)]
    return [("last", "the newest sweep"), *found] if "last".startswith(incomplete) else found


def complete_run(context: typer.Context, incomplete: str) -> list[Completion]:
    """Return the runs of the newest sweeps whose ids begin with a text, each with a description."""
    sweep_id, dash, _ = incomplete.partition("-")
    if not dash:
        return [(f"{sweep.id}-", _describe(sweep)) for sweep in _sweeps(context, incomplete)]
    return [
        (run.id, f"scale {run.scale:g}, seed {run.seed}, {run.status}")
        for sweep in _sweeps(context, sweep_id)
        for run in sweep.record.runs
        if run.id.startswith(incomplete)
    ]


def _sweeps(context: typer.Context, beginning: str) -> Iterator[SweepHandle]:
    """Yield the newest sweeps whose ids begin with a text; none if the service does not answer."""
    options: dict[str, Any] = context.params
    try:
        with NoiseSweep(options.get("url"), options.get("key"), timeout=SECONDS) as service:
            yield from (each for each in islice(service.sweeps(), MAX_SWEEPS) if each.id.startswith(beginning))
    except Exception:  # noqa: BLE001 - an error message would end up in the command line that the user types
        return


def _describe(sweep: SweepHandle) -> str:
    return f"{sweep.status}: {describe_grid(sweep.record)}"
