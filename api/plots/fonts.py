"""Fonts for the names of sweeps. The default font lacks, for example, Chinese, so fonts of the system are searched."""

import hashlib
import logging
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, lru_cache

from matplotlib.font_manager import FontPath, findfont, findSystemFonts, fontManager, get_font

logger = logging.getLogger(__name__)

DEFAULT = "DejaVu Sans"
# Matplotlib contains this font. It has a box for each character.
BOXES = "Last Resort High-Efficiency"
NORMAL_WEIGHT = 400


@dataclass(frozen=True)
class Fonts:
    """Fonts of a text.

    Attributes:
        families: Font families of the system for the characters that the default font lacks.
        missing: Characters that no font has.
    """

    families: tuple[str, ...] = ()
    missing: str = ""


def find_fonts(texts: Iterable[str]) -> Fonts:
    """Return the fonts of these texts. Log a warning the first time that no font has some of their characters."""
    characters = {character for text in texts for character in text if character.isprintable()}
    lacking = characters - _has(FontPath(findfont(DEFAULT), 0), characters)
    return _find(frozenset(lacking)) if lacking else Fonts()


@lru_cache(maxsize=256)
def _find(characters: frozenset[str]) -> Fonts:
    families: list[str] = []
    missing = set(characters)
    while missing:
        # Of equally good families, prefer one that resembles the default, then the first name.
        covered = {family: _has(path, missing) for family, path in _families().items()}
        best = min(covered, key=lambda family: (-len(covered[family]), "Sans" not in family, family))
        if not covered[best]:
            break
        families.append(best)
        missing -= covered[best]
    text = "".join(sorted(missing))
    if text:
        logger.warning(
            "No font of this system has the characters %s, so pictures show boxes: install a font, for example the "
            "Debian package fonts-noto-cjk, and restart the API",
            text,
        )
    return Fonts(tuple(families), text)


@cache
def system_fonts() -> str:
    """Return a hash of the paths of the system's fonts. Pictures with the same hash use the same fonts."""
    return hashlib.sha256("\n".join(sorted(findSystemFonts())).encode()).hexdigest()


def _has(path: FontPath, characters: Iterable[str]) -> set[str]:
    """Return the characters that a font has."""
    try:
        font = get_font(path)
    except (OSError, RuntimeError):
        return set()  # the file was removed or is damaged
    return {character for character in characters if font.get_char_index(ord(character))}


@cache
def _families() -> dict[str, FontPath]:
    """Return the upright font of normal weight of each family of the system.

    Matplotlib stores its list of fonts in a file, which lacks the fonts that were installed later.
    """
    known = {entry.fname for entry in fontManager.ttflist}
    for path in set(findSystemFonts()) - known:
        with suppress(OSError, RuntimeError, ValueError, LookupError):  # Matplotlib cannot read this font
            fontManager.addfont(path)
    entries = [entry for entry in fontManager.ttflist if entry.name not in (DEFAULT, BOXES)]
    # The last one with a name stays: the upright one of the weight that is nearest to normal.
    entries.sort(key=lambda entry: (entry.style == "normal", -abs(int(entry.weight) - NORMAL_WEIGHT), entry.fname))
    return {entry.name: FontPath(entry.fname, entry.index) for entry in entries}
