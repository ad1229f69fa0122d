"""Data sets in the folder that NOISESWEEP_DATA_DIR names."""

import io
import zipfile
from pathlib import Path

from shared.datasets.files import idx_files
from shared.errors import InvalidDatasetError

# Largest size of a data set in the store, and of an uploaded archive.
MAX_BYTES = 64_000_000


def find_files(folder: Path | None, name: str) -> Path | None:
    """Return the file NAME.npz, or the folder NAME with four IDX files; None if there is neither.

    The name must have the form of a data set's name, which contains no separators of a path.
    """
    if folder is None:
        return None
    file, subfolder = folder / f"{name}.npz", folder / name
    if file.is_file():
        return file
    return subfolder if idx_files(subfolder) else None


def read_files(path: Path) -> bytes:
    """Return the files as an archive, in the form of an upload.

    Raises:
        InvalidDatasetError: They are larger than an upload may be.
    """
    files = [path] if path.is_file() else idx_files(path) or []
    size = sum(file.stat().st_size for file in files)
    if size > MAX_BYTES:
        raise InvalidDatasetError(f"expected up to {MAX_BYTES / 1e6:,.0f} MB, received {size / 1e6:,.1f} MB")
    if path.is_file():
        return path.read_bytes()
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for file in files:
            archive.writestr(file.name, file.read_bytes())  # `write` fails for a time of modification before 1980
    return content.getvalue()
