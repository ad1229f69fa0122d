"""Generate the reference pages in docs/reference from the code; with --check, only verify that they are up to date."""

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, Metric
from pydantic import SecretStr
from pydantic_core import PydanticUndefined

from api.app import create_app
from api.errors import PROBLEM_TYPES
from api.http.telemetry import Telemetry
from api.limits import Limits
from api.sweeps.metrics import BuildInfo, Snapshot
from api.sweeps.redis_metrics import GAUGES, RedisMetrics
from noisesweep.models import EventType, Queue
from shared.settings import Settings, variable
from shared.store import keys

JSON = Mapping[str, Any]
ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "reference"
TEMPLATES = ROOT / "scripts" / "reference_templates"
# Models in the order of the page. Smaller ones are left out.
REQUESTS = ("SweepRequest", "RunRequest", "ExtensionRequest", "EditRequest")
ANSWERS = (
    "Sweep",
    "Run",
    "EpochMetrics",
    "Evaluation",
    "Results",
    "Summary",
    "ScaleFigures",
    "Comparison",
    "ScaleDifference",
    "Interval",
    "Estimate",
    "Queue",
    "Worker",
    "Problem",
)


def table(titles: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a Markdown table. Pipes and line breaks in cells are escaped."""
    titles = list(titles)
    lines = [titles, ["---"] * len(titles), *rows]
    cells = ([" ".join(cell.split()).replace("|", r"\|") for cell in line] for line in lines)
    return "\n".join("| " + " | ".join(line) + " |" for line in cells)


def as_code(default: object) -> str:
    """Return a default as it is written in JSON or in an environment variable; "" if there is none."""
    if default is PydanticUndefined or default in (None, "", {}, []):
        return ""
    text = default if isinstance(default, str) else json.dumps(default)
    return f"`{text.removesuffix('.0')}`"


def fill(template: str, **texts: str) -> str:
    """Return a template with each @@NAME@@ replaced by the text of that name."""
    page = (TEMPLATES / f"{template}.md").read_text()
    for name, text in texts.items():
        page = page.replace(f"@@{name}@@", text)
    return page


def configuration() -> str:
    """Return the page of environment variables."""
    rows = []
    for name, field in Settings.model_fields.items():
        default = field.default.get_secret_value() if isinstance(field.default, SecretStr) else field.default
        rows.append((f"`{variable(name)}`", as_code(default), field.description or ""))
    return fill("configuration", SETTINGS=table(("variable", "default", "meaning"), rows))


def command_line() -> str:
    """Return the page of commands and options, as Typer describes them."""
    command = [sys.executable, "-m", "typer", "noisesweep.cli.main", "utils", "docs", "--name", "noisesweep"]
    text = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return text.replace("&#x27;", "'").replace(str(Path.home()), "~").strip()


def kind(schema: JSON, models: JSON) -> str:
    """Return the type of a JSON schema in words: the values of an enum, or the name of a model."""
    if "$ref" in schema:
        name = str(schema["$ref"]).rsplit("/", 1)[1]
        return kind(models[name], models) if "enum" in models[name] else name
    if "anyOf" in schema and "type" not in schema:
        return " or ".join(dict.fromkeys(kind(option, models) for option in schema["anyOf"]))
    if "enum" in schema or "const" in schema:
        return ", ".join(f"`{value}`" for value in schema.get("enum", [schema.get("const")]))
    if schema.get("type") == "array":
        return f"list of {kind(schema.get('items', {}), models)}"
    return str(schema.get("type", "any"))


def fields(schema: JSON, models: JSON) -> Iterator[tuple[str, str, str, str]]:
    """Yield (name, type, default, description) of each field of a model."""
    for name, field in schema.get("properties", {}).items():
        default = "required" if name in schema.get("required", ()) else as_code(field.get("default"))
        yield f"`{name}`", kind(field, models), default, field.get("description", "")


def http_api() -> str:
    """Return the page of routes, models and problem types."""
    document = create_app(Settings(), Limits()).openapi()
    schemas = document["components"]["schemas"]
    routes = [
        (f"`{method.upper()} {path}`", operation.get("description", operation.get("summary", "")).split("\n\n")[0])
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    ]
    routes_by_parameter: dict[tuple[str, str, str], list[str]] = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            for parameter in operation.get("parameters", ()):
                if parameter["in"] == "query":
                    row = f"`{parameter['name']}`", kind(parameter["schema"], schemas), parameter.get("description", "")
                    routes_by_parameter.setdefault(row, []).append(f"`{method.upper()} {path}`")
    parameters = ((*row, ", ".join(names)) for row, names in routes_by_parameter.items())
    missing = [name for name in (*REQUESTS, *ANSWERS) if name not in schemas]
    if missing:
        raise LookupError(f"The OpenAPI document has no model {', '.join(missing)}.")

    def models(names: Iterable[str]) -> str:
        titles = ("field", "type", "default", "meaning")
        return "\n\n".join(
            f"### {name}\n\n{schemas[name].get('description', '')}\n\n{table(titles, fields(schemas[name], schemas))}"
            for name in names
        )

    found = sorted(PROBLEM_TYPES.values(), key=lambda problem: problem.status)
    return fill(
        "api",
        ROUTES=table(("route", "meaning"), routes),
        PARAMETERS=table(("parameter", "type", "meaning", "routes"), parameters),
        REQUESTS=models(REQUESTS),
        ANSWERS=models(ANSWERS),
        PROBLEMS=table(("type", "status", "title"), ((f"`{p.slug}`", str(int(p.status)), p.title) for p in found)),
    )


def store() -> str:
    """Return the page of Redis keys and of event types."""
    events = ", ".join(f"`{event}`" for event in EventType)
    return fill("store", EVENTS=events, KEYS=f"```text\n{(keys.__doc__ or '').strip()}\n```")


def metrics() -> str:
    """Return the page of Prometheus metrics."""
    registry = CollectorRegistry()
    Telemetry(None, registry)  # type: ignore[arg-type] # registers its metrics, and answers no request here
    queue = Queue(queued_runs=0, running_runs=0, oldest_wait_seconds=None, runs_per_minute=0, own=[])
    found: list[Metric] = list(registry.collect())
    for collector in (BuildInfo(), Snapshot(queue, [], 0, {}), RedisMetrics({gauge.field: "0" for gauge in GAUGES})):
        found += collector.collect()
    rows = ((f"`{item.name}{'_total' * (item.type == 'counter')}`", item.type, item.documentation) for item in found)
    return fill("metrics", METRICS=table(("metric", "type", "meaning"), rows))


def main() -> int:
    """Write the pages, or return 1 if one differs from the code."""
    outdated = []
    for name, page in {
        "configuration": configuration,
        "cli": command_line,
        "api": http_api,
        "store": store,
        "metrics": metrics,
    }.items():
        path, text = FOLDER / f"{name}.md", page().strip() + "\n"
        if not path.is_file() or path.read_text() != text:
            outdated.append(f"docs/reference/{name}.md")
            if "--check" not in sys.argv:
                path.write_text(text)
    if "--check" in sys.argv and outdated:
        print(f"Outdated: {', '.join(outdated)}. Run `make generate`.")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
