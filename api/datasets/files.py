"""Data sets in the folder that NOISESWEEP_DATA_DIR names."""

import io
import zipfile
from pathlib import Path

from shared.datasets.files import idx_files


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
    """Return the files as an archive, in the form of an upload."""
    if path.is_file():
        return path.read_bytes()
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for file in idx_files(path) or []:
            archive.write(file, file.name)
    return content.getvalue()
