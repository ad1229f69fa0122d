"""Fonts of the system for characters that the default font lacks."""

import io
import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.t2CharStringPen import T2CharStringPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib.font_manager import FontPath, findfont
from PIL import Image

from api.plots import fonts
from api.plots.compare import plot_data
from api.plots.data import PlotData
from api.plots.options import FileFormat, PlotOptions
from api.plots.picture import BOXES_NOTE, draw
from tests.api.plots.test_compare import sweep

# Ideographs that hardly any font has, so that the font of the test is found, and no other.
NAME = "\U00030000\U00030001"
FAMILY = "Sans of the test"
PROGRAM = """
import json, sys
from tests.api.plots.test_fonts import *
for file_format in (FileFormat.PNG, FileFormat.SVG, FileFormat.PDF):
    Path(f"{sys.argv[1]}.{file_format}").write_bytes(draw(named(NAME), PlotOptions(file_format=file_format)))
found = fonts.find_fonts([NAME])
print(json.dumps([found.families, found.missing]))
"""


def named(name: str) -> PlotData:
    """Return a plot with two entries in the legend, because a legend with more has smaller text."""
    data = plot_data([sweep(1, name), sweep(2, "other")])
    panels = tuple(panel.model_copy(update={"bands": (), "levels": ()}) for panel in data.panels)
    return data.model_copy(update={"panels": panels})


def draw_square(pen: TTGlyphPen | T2CharStringPen) -> None:
    pen.moveTo((100, 0))
    for corner in ((100, 800), (900, 800), (900, 0)):
        pen.lineTo(corner)
    pen.closePath()


def build_font(path: Path, *, is_truetype: bool) -> None:
    """Write a font with a black square for each character of NAME."""
    builder = FontBuilder(1000, isTTF=is_truetype)
    glyphs = [".notdef", *(f"u{ord(character):X}" for character in NAME)]
    builder.setupGlyphOrder(glyphs)
    builder.setupCharacterMap({ord(character): f"u{ord(character):X}" for character in NAME})
    if is_truetype:
        pen = TTGlyphPen(None)
        draw_square(pen)
        builder.setupGlyf(dict.fromkeys(glyphs, pen.glyph()))
    else:
        strings = T2CharStringPen(1000, None)
        draw_square(strings)
        builder.setupCFF("Test", {"FullName": FAMILY}, dict.fromkeys(glyphs, strings.getCharString()), {})
    builder.setupHorizontalMetrics(dict.fromkeys(glyphs, (1000, 100)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": FAMILY, "styleName": "Regular", "psName": "TestOfFonts"})
    builder.setupOS2(usWeightClass=400)
    builder.setupPost()
    builder.save(path)


@pytest.mark.parametrize("is_truetype", [True, False])
def test_installed_font_with_the_characters_is_used(tmp_path: Path, is_truetype: bool) -> None:
    folder = tmp_path / "fonts"
    folder.mkdir()
    build_font(folder / ("test.ttf" if is_truetype else "test.otf"), is_truetype=is_truetype)
    drawn = tmp_path / "drawn"
    with_font = subprocess.run(
        [sys.executable, "-c", PROGRAM, drawn],
        env=os.environ | {"XDG_DATA_HOME": str(tmp_path)},
        capture_output=True,
        check=True,
    )
    assert json.loads(with_font.stdout) == [[FAMILY], ""]
    assert b"TestOfFonts" in drawn.with_suffix(".pdf").read_bytes()
    picture = Image.open(drawn.with_suffix(".png"))
    assert BOXES_NOTE not in picture.info["Description"]
    # Both squares are black in all of their pixels, and their edges at 10 points and 150 dpi are 16 pixels long.
    dark = np.asarray(picture.convert("L"))[: picture.height // 4] < 30
    squares = np.lib.stride_tricks.sliding_window_view(dark, (14, 14)).all(axis=(2, 3))
    assert squares.any()


@pytest.fixture
def only_default_font(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Replace the fonts of this system by the default font. Clear the cache before and after it."""
    monkeypatch.setattr(fonts, "_families", lambda: {fonts.DEFAULT: FontPath(findfont(fonts.DEFAULT), 0)})
    fonts._find.cache_clear()  # noqa: SLF001
    yield
    fonts._find.cache_clear()  # noqa: SLF001


def test_missing_font_is_named_in_the_caption_and_logged_once(
    only_default_font: None, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        for file_format in (FileFormat.PNG, FileFormat.PDF, FileFormat.SVG):
            drawn = draw(named(NAME), PlotOptions(file_format=file_format))
            # The viewer's fonts draw the text of an SVG.
            assert (BOXES_NOTE.encode() in drawn) is (file_format is not FileFormat.SVG)
    (record,) = caplog.records
    assert NAME in record.getMessage()
    assert "install a font" in record.getMessage()


def test_text_of_the_default_font_needs_no_search(only_default_font: None, caplog: pytest.LogCaptureFixture) -> None:
    names = ["week 3", "Übung", "αβγ", "привет", "עברית", "a\u00a0b", "zero\u200bwidth"]
    assert fonts.find_fonts(names) == fonts.Fonts()
    assert not caplog.records


@pytest.mark.parametrize("name", ["漢字 <b> $x$", "week 3"])
def test_svg_contains_text_as_text(name: str) -> None:
    root = ET.fromstring(draw(named(name), PlotOptions(file_format=FileFormat.SVG)))  # noqa: S314 - the input is trusted
    texts = ["".join(element.itertext()) for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert name in texts
    assert "Validation Accuracy With Increasing Noise" in texts


def test_long_names_in_wide_characters_stay_in_the_picture() -> None:
    pixels = np.asarray(Image.open(io.BytesIO(draw(named("漢" * 100)))).convert("L"))
    assert (pixels[:, [0, 1, -2, -1]] == 255).all()
    assert (pixels < 100).any()
