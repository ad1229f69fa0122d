"""The files that pages are made of, each under an address that changes with its content."""

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
# The bundle writes the styles of its maps into the page, which the page does not let it, unless it finds them there.
_STYLES_OF_MAPS = re.compile(rb'getElementById\("([0-9a-f]{64})"\)')
MEDIA_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


@dataclass(frozen=True)
class Asset:
    """A file that a page loads.

    Attributes:
        path: The file.
        edition: Changes whenever the file does.
    """

    path: Path
    edition: str

    @property
    def media_type(self) -> str:
        """Return the media type."""
        return MEDIA_TYPES[self.path.suffix]

    @property
    def address(self) -> str:
        """Return its path, which changes with its content, so browsers may cache it for ever."""
        return f"{PREFIX}/{self.edition}/{self.path.name}"


@cache
def assets() -> Mapping[str, Asset]:
    """Return all files by name. The dashboard's files share one edition, because modules import each other without it.

    Raises:
        ModuleNotFoundError: The package plotly, which brings its script, is not installed.
    """
    files = sorted(path for path in FOLDER.iterdir() if path.suffix in MEDIA_TYPES)
    digest = hashlib.sha256(b"".join(path.name.encode() + path.read_bytes() for path in files))
    own = {path.name: Asset(path, digest.hexdigest()[:16]) for path in files}
    plotly = find_spec("plotly")  # finds the package without importing it, which would take a second
    if plotly is None or plotly.origin is None:
        raise ModuleNotFoundError("The charts of /ui need the package plotly: pip install 'noisesweep[api]'.")
    script = Path(plotly.origin).parent / "package_data" / PLOTLY
    return own | {PLOTLY: Asset(script, f"plotly-{version('plotly')}")}


def styles_of_maps() -> str:
    """The id of the element that Plotly looks for before it writes the styles of its maps; "" if it looks for none."""
    found = _STYLES_OF_MAPS.search(assets()[PLOTLY].path.read_bytes())
    return found[1].decode() if found else ""
