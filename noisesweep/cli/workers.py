"""`noisesweep workers`."""

from rich.table import Table
from rich.text import Text

from noisesweep import NoiseSweep
from noisesweep.cli.common import Json, Key, Url
from noisesweep.cli.output import console_for, print_json, print_line
from noisesweep.models import Worker
from noisesweep.models.text import printable


def workers(*, as_json: Json = False, url: Url = None, key: Key = None) -> None:
    """List the workers: state, device, and current runs."""
    with NoiseSweep(url, key) as service:
        found = service.workers()
    if as_json:
        print_json([worker.model_dump(mode="json") for worker in found])
    elif found:
        console_for(as_json=False).print(_table(found))
    else:
        print_line(console_for(as_json=False), "No worker is alive: start one with `noisesweep worker`.")


def _table(found: list[Worker]) -> Table:
    result = Table(title="Workers")
    for column in ("name", "state", "device", "processes", "version", "trains"):
        result.add_column(column, overflow="fold")
    for worker in found:
        seen = f"{worker.last_seen_at.astimezone():%H:%M:%S}"
        state = "alive" if worker.alive else f"lost, last seen {seen}"
        cells = [worker.name, state, worker.device, str(worker.processes), worker.version]
        result.add_row(*(Text(printable(cell)) for cell in [*cells, " ".join(worker.current_runs)]))
    return result
