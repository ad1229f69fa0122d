"""Static files of the pages, served at URLs that contain a hash of their content."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

FOLDER = Path(__file__).parent / "static"
PREFIX = "/ui/static"
PLOTLY = "plotly.min.js"
SWAGGER = ("swagger-ui-bundle.js", "swagger-ui.css")
# The Plotly script inserts styles for maps, which the Content-Security-Policy forbids, unless it finds this element.
_MAP_STYLES = re.compile(rb'getElementById\("([0-9a-f]{64})"\)')
MEDIA_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


@dataclass(frozen=True)
class Asset:
    """Static file of the pages.

    Attributes:
        name: Path below the folder of static files, or the name of a file of another package.
        path: Path of the file.
        fingerprint: Text that changes whenever the file changes.
    """

    name: str
    path: Path
    fingerprint: str

    @property
    def media_type(self) -> str:
        """Return the media type."""
        return MEDIA_TYPES[self.path.suffix]

    @property
    def url(self) -> str:
        """Return the URL path. It changes with the content, so browsers may cache the file forever."""
        return f"{PREFIX}/{self.fingerprint}/{self.name}"


@cache
def assets() -> Mapping[str, Asset]:
    """Return all static files by name.

    The dashboard's own files share one fingerprint, because its modules import each other by relative URLs.

    Raises:
        ModuleNotFoundError: The package plotly or fastapi_offline is not installed.
    """
    files = {path.relative_to(FOLDER).as_posix(): path for path in FOLDER.rglob("*") if path.suffix in MEDIA_TYPES}
    contents = b"".join(name.encode() + path.read_bytes() for name, path in sorted(files.items()))
    fingerprint = hashlib.sha256(contents).hexdigest()[:16]
    own = {name: Asset(name, path, fingerprint) for name, path in files.items()}
    folder = _folder_of("plotly") / "package_data"
    plotly = {PLOTLY: Asset(PLOTLY, folder / PLOTLY, f"plotly-{version('plotly')}")}
    folder = _folder_of("fastapi_offline") / "static"
    swagger = {name: Asset(name, folder / name, f"swagger-{version('fastapi-offline')}") for name in SWAGGER}
    return own | plotly | swagger


def _folder_of(package: str) -> Path:
    found = find_spec(package)  # an import of plotly would take about a second
    if found is None or found.origin is None:
        raise ModuleNotFoundError(f"The pages need the package {package}: pip install 'noisesweep[api]'.")
    return Path(found.origin).parent


def map_styles_id() -> str:
    """Return the id of the element that stops Plotly from inserting styles for maps, or "" if there is none."""
    found = _MAP_STYLES.search(assets()[PLOTLY].path.read_bytes())
    return found[1].decode() if found else ""
