"""Commands for the API keys of a service."""

import csv
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from noisesweep import NoiseSweep
from noisesweep.cli.common import Json, Key, Url
from noisesweep.cli.output import console_for, print_json, print_line
from noisesweep.client.errors import WrongUsageError
from noisesweep.models import NEW_KEY_NAME, ApiKey, CreatedKey, Role

app = typer.Typer(
    no_args_is_help=True, help="List, create and revoke the API keys of a service. Only administrators may."
)
NAME_COLUMN = "name"


@app.command("list")
def list_keys(*, as_json: Json = False, url: Url = None, key: Key = None) -> None:
    """List the API keys: role, first characters, last use."""
    with NoiseSweep(url, key) as service:
        found = service.api_keys()
    if as_json:
        print_json([each.model_dump(mode="json") for each in found])
    elif found:
        console_for(as_json=False).print(_table(found))
    else:
        print_line(console_for(as_json=False), "There are no API keys: everybody who reaches the service may use it.")


@app.command()
def add(
    names: Annotated[list[str] | None, typer.Argument(metavar="NAME...", help="Names of the new keys.")] = None,
    *,
    roster: Annotated[
        Path | None,
        typer.Option(
            "--from",
            exists=True,
            dir_okay=False,
            help="A CSV file with a name in each row: in its column `name`, or in the first column.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(dir_okay=False, help="New CSV file for the names and keys. Required with several names."),
    ] = None,
    role: Annotated[Role, typer.Option(help="What the keys may do.")] = Role.MEMBER,
    expires: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M"],
            metavar="TIME",
            help="Local time after which the keys are refused: 2026-07-31, or 2026-07-31T18:00.",
        ),
    ] = None,
    as_json: Json = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """Create API keys. The service stores only their hashes, so each key is shown once: here, or in the file."""
    wanted = [*(names or []), *(_read_roster(roster) if roster else [])]
    _check_names(wanted)
    if len(wanted) > 1 and not out:
        raise WrongUsageError("several keys need a file: add --out keys.csv")
    with NoiseSweep(url, key) as service:
        taken = sorted({each.name for each in service.api_keys()} & set(wanted))
        if taken:
            raise WrongUsageError(f"there are keys of {', '.join(taken)}: nothing was created. Revoke them first")
        created = (service.add_api_key(name, role=role, expires_at=expires and expires.astimezone()) for name in wanted)
        if out:
            _write(out, created)
            print_line(console_for(as_json=as_json), f"{len(wanted)} keys saved to {out}. Only its owner can read it.")
            return
        (made,) = created
    if as_json:
        print_json(made)
        return
    for line in (f"API key of {made.name}. It is not stored and cannot be shown again:", "", f"    {made.key}", ""):
        print_line(console_for(as_json=False), line, wrap=False)  # a wrapped line could not be copied


@app.command()
def revoke(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="Names of the keys.")],
    *,
    url: Url = None,
    key: Key = None,
) -> None:
    """Revoke API keys: the service refuses them within seconds. Their sweeps remain."""
    with NoiseSweep(url, key) as service:
        for name in names:
            service.revoke_api_key(name)
            print_line(console_for(as_json=False), f"Key of {name} revoked.")


def _read_roster(path: Path) -> list[str]:
    """Return the names in a CSV file.

    Raises:
        WrongUsageError: The file is not UTF-8 text.
    """
    try:
        rows = [row for row in csv.reader(path.read_text(encoding="utf-8-sig").splitlines()) if any(row)]
    except UnicodeDecodeError as error:
        raise WrongUsageError(f"{path} is not UTF-8 text: save it as CSV in UTF-8") from error
    heads = [cell.strip().lower() for cell in rows[0]] if rows else []
    column = heads.index(NAME_COLUMN) if NAME_COLUMN in heads else 0
    body = rows[1:] if NAME_COLUMN in heads else rows
    return [row[column].strip() if column < len(row) else "" for row in body]


def _check_names(names: list[str]) -> None:
    if not names:
        raise WrongUsageError("expected a name, or --from with a CSV file that has names")
    for name in names:
        if not NEW_KEY_NAME.fullmatch(name):
            raise WrongUsageError(
                "key name: expected 1 to 32 characters of A-Z a-z 0-9 _ . - with a letter or digit at the start, "
                f"received {name!r}"
            )
        if names.count(name) > 1:
            raise WrongUsageError(f"the name {name} occurs {names.count(name)} times: nothing was created")


def _write(path: Path, created: Iterator[CreatedKey]) -> None:
    """Write keys to a new file as they are created, so that an interruption loses none."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise WrongUsageError(f"{path} exists: choose another file, because it may contain keys") from error
    with os.fdopen(descriptor, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["name", "key"])
        for each in created:
            writer.writerow([each.name, each.key])
            file.flush()


def _table(keys: list[ApiKey]) -> Table:
    result = Table(title="API keys")
    for column in ("name", "role", "begins with", "created by", "expires", "last used"):
        result.add_column(column)
    for each in keys:
        created_by = each.created_by or "(settings)"
        times = [
            f"{moment.astimezone():%Y-%m-%d %H:%M}" if moment else "never"
            for moment in (each.expires_at, each.last_used_at)
        ]
        result.add_row(each.name, each.role, each.prefix or "", created_by, *times)
    return result
