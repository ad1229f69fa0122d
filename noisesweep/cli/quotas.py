"""`noisesweep queue`, and the commands for quotas."""

from enum import StrEnum
from typing import Annotated

import typer
from rich.table import Table

from noisesweep import NoiseSweep
from noisesweep.cli.common import Json, Key, Url
from noisesweep.cli.output import console_for, print_json, print_line
from noisesweep.client.errors import WrongUsageError
from noisesweep.client.prose import format_duration
from noisesweep.models import QueuedSweep, QuotaLimits, Usage
from noisesweep.models.quotas import HOLDER, MAX_AMOUNT

app = typer.Typer(
    no_args_is_help=True, help="Show and set limits of API keys. They limit queued runs, bytes and compute."
)
MEGABYTE = 1_000_000


class Limit(StrEnum):
    """Names of the limits as options."""

    RUNS = "runs"
    MEGABYTES = "megabytes"
    CORE_SECONDS = "core-seconds"


FIELDS = {
    Limit.RUNS: "max_queued_runs",
    Limit.MEGABYTES: "max_stored_bytes",
    Limit.CORE_SECONDS: "max_core_seconds_per_day",
}


def _check_holder(holder: str) -> str:
    if not HOLDER.fullmatch(holder):
        raise WrongUsageError(
            f"HOLDER: expected role:member, role:instructor, role:admin or key:NAME, received {holder!r}"
        )
    return holder


Holder = Annotated[
    str,
    typer.Argument(
        metavar="HOLDER",
        callback=_check_holder,
        help="role:member, role:instructor or role:admin for each key of a role, or key:NAME for one key.",
    ),
]


def show_queue(*, as_json: Json = False, url: Url = None, key: Key = None) -> None:
    """Print when your queued sweeps are expected to start.

    It also prints the numbers of queued and running runs of all users.
    """
    with NoiseSweep(url, key) as service:
        queue = service.queue()
    if as_json:
        print_json(queue)
        return
    console = console_for(as_json=False)
    for sweep in queue.own:
        print_line(console, _position(sweep))
    if not queue.own:
        print_line(console, "None of your sweeps has queued runs.")
    print_line(
        console,
        f"Runs of all users: {queue.queued_runs} queued, {queue.running_runs} running. "
        f"{queue.runs_per_minute:.1f} runs ended per minute.",
    )


@app.command()
def show(*, as_json: Json = False, url: Url = None, key: Key = None) -> None:
    """Print what your API key uses of its limits."""
    with NoiseSweep(url, key) as service:
        usage = service.usage()
    if as_json:
        print_json(usage)
    else:
        console_for(as_json=False).print(_usage_table(usage))


@app.command("list")
def list_quotas(*, as_json: Json = False, url: Url = None, key: Key = None) -> None:
    """List the quotas of roles and keys, as an instructor or administrator."""
    with NoiseSweep(url, key) as service:
        found = service.quotas()
    if as_json:
        print_json(found)
        return
    result = Table(title="Quotas")
    for column in ("holder", "queued runs", "stored, MB", "core-seconds per day", "set by"):
        result.add_column(column, justify="left" if column in ("holder", "set by") else "right")
    for quota in found.quotas:
        result.add_row(quota.holder, *_cells(quota.limits, "as below"), quota.set_by)
    result.add_section()
    result.add_row("other keys", *_cells(found.service, "no limit"), "(settings)")
    console_for(as_json=False).print(result)


@app.command("set")
def set_quota(
    holder: Holder,
    *,
    runs: Annotated[int | None, typer.Option(min=0, max=MAX_AMOUNT, help="Maximum number of queued runs.")] = None,
    megabytes: Annotated[
        float | None,
        typer.Option(min=0, max=MAX_AMOUNT / MEGABYTE, help="Maximum size of its sweeps and data sets, in 10^6 bytes."),
    ] = None,
    core_seconds: Annotated[
        int | None,
        typer.Option(min=0, max=MAX_AMOUNT, help="Maximum core-seconds of the runs that it queues in 24 hours."),
    ] = None,
    clear: Annotated[
        list[Limit] | None,
        typer.Option(metavar="LIMIT", help="Limits to remove; the others stay: runs, megabytes, core-seconds."),
    ] = None,
    as_json: Json = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """Set limits, as an instructor or administrator. Limits that are not given do not change."""
    given = {
        Limit.RUNS: runs,
        Limit.MEGABYTES: None if megabytes is None else round(megabytes * MEGABYTE),
        Limit.CORE_SECONDS: core_seconds,
    }
    cleared = set(clear or [])
    changed = {FIELDS[name]: value for name, value in given.items() if value is not None or name in cleared}
    if not changed:
        raise WrongUsageError("expected at least one of --runs, --megabytes, --core-seconds and --clear")
    for name in cleared:
        if given[name] is not None:
            raise WrongUsageError(f"--clear: expected a limit that is not set by --{name}, received {name}")
    with NoiseSweep(url, key) as service:
        present = {quota.holder: quota.limits.model_dump() for quota in service.quotas().quotas}
        quota = service.set_quota(holder, **present.get(holder, {}) | changed)
    if as_json:
        print_json(quota)
        return
    runs_text, size, seconds = _cells(quota.limits, "not set")
    print_line(
        console_for(as_json=False),
        f"Limits of {holder}: queued runs {runs_text}, stored MB {size}, core-seconds per day {seconds}.",
    )


@app.command("remove")
def remove_quota(holder: Holder, *, url: Url = None, key: Key = None) -> None:
    """Remove limits, as an instructor or administrator."""
    with NoiseSweep(url, key) as service:
        service.remove_quota(holder)
    print_line(console_for(as_json=False), f"Limits of {holder} removed.")


def _position(sweep: QueuedSweep) -> str:
    seconds = sweep.expected_wait_seconds
    start = "at an unknown time" if seconds is None else f"in {format_duration(seconds)}"
    runs = f"{sweep.queued_runs} run{'s' if sweep.queued_runs > 1 else ''} queued"
    return f"{sweep.id}  {runs}, {sweep.runs_before} before, starts {start}  {sweep.name or ''}".rstrip()


def _usage_table(usage: Usage) -> Table:
    result = Table(title="Your limits")
    for column in ("", "used", "limit"):
        result.add_column(column, justify="right" if column else "left")
    seconds = usage.max_core_seconds_per_day
    result.add_row("queued runs", f"{usage.queued_runs:,}", f"{usage.max_queued_runs:,}")
    result.add_row("stored, MB", _megabytes(usage.stored_bytes), _megabytes(usage.max_stored_bytes))
    result.add_row(
        "core-seconds in 24 hours", f"{usage.core_seconds:,.0f}", "no limit" if seconds is None else f"{seconds:,}"
    )
    return result


def _cells(limits: QuotaLimits, unset: str) -> tuple[str, str, str]:
    runs, size, seconds = limits.max_queued_runs, limits.max_stored_bytes, limits.max_core_seconds_per_day
    return (
        unset if runs is None else f"{runs:,}",
        unset if size is None else _megabytes(size),
        unset if seconds is None else f"{seconds:,}",
    )


def _megabytes(size: int) -> str:
    return f"{size / MEGABYTE:,.1f}"
