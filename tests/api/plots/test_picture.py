import io
import subprocess
import sys
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageColor

from api.plots.accuracy import plot_data
from api.plots.data import PlotData
from api.plots.options import FileFormat, PlotOptions, ThemeName
from api.plots.picture import draw
from api.plots.theme import THEMES, TRAINING, VALIDATION, sweep_style
from noisesweep import __version__
from tests.support.measured import measured_sweep
from tests.support.scales import SCALES

MAGIC = {FileFormat.PNG: b"\x89PNG\r\n\x1a\n", FileFormat.SVG: b"<?xml", FileFormat.PDF: b"%PDF"}


def data(end: float = 0.4) -> PlotData:
    return plot_data(measured_sweep({0.0: 0.98, 0.1: 0.9, 4.0: end}, {0.0: 0.97, 0.1: 0.8, 4.0: end}))


@pytest.mark.parametrize("file_format", MAGIC)
def test_equal_pictures_have_equal_bytes_in_every_process(file_format: FileFormat) -> None:
    program = (
        "import sys; from tests.api.plots.test_picture import *; "
        f"sys.stdout.buffer.write(draw(data(), PlotOptions(file_format=FileFormat('{file_format}'))))"
    )
    draw(data(0.2), PlotOptions(file_format=file_format))  # earlier pictures have no effect on later ones
    elsewhere = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stdout
    here = draw(data(), PlotOptions(file_format=file_format))
    assert here == elsewhere
    assert here.startswith(MAGIC[file_format])


def test_png_metadata_contains_caption_and_source() -> None:
    picture = Image.open(io.BytesIO(draw(data())))
    assert picture.info["Title"] == "Accuracy of Model With Increasing Noise"
    assert picture.info["Source"] == "sweep 0123456789abcdef"
    assert picture.info["Software"] == f"noisesweep {__version__}"
    assert '"dataset":"mnist"' in picture.info["Comment"]
    assert picture.info["Description"].startswith("noise on training and validation images. mnist, 20 epochs")
    assert picture.info["dpi"] == pytest.approx((150, 150), abs=0.1)


def test_svg_and_pdf_metadata_contain_caption_but_no_date() -> None:
    svg = draw(data(), PlotOptions(file_format=FileFormat.SVG))
    ET.fromstring(svg)  # noqa: S314 - the input is trusted
    pdf = draw(data(), PlotOptions(file_format=FileFormat.PDF))
    for picture in (svg, pdf):
        for text in ("Accuracy of Model With Increasing Noise", "0123456789abcdef", f"noisesweep {__version__}"):
            assert text.encode() in picture
        assert b"20 epochs" in picture
    assert b"<dc:date>" not in svg
    assert b"CreationDate" not in pdf


@pytest.mark.parametrize("theme", ThemeName)
def test_background_has_the_colour_of_the_theme(theme: ThemeName) -> None:
    picture = Image.open(io.BytesIO(draw(data(), PlotOptions(theme=theme)))).convert("RGB")
    assert picture.getpixel((0, 0)) == ImageColor.getrgb(THEMES[theme].paper)


@pytest.mark.parametrize("theme", ThemeName)
def test_curves_differ_in_lightness_and_contrast_with_background(theme: ThemeName) -> None:
    colours = THEMES[theme]
    training, validation, paper = (
        luminance(colour)
        for colour in (colours.styles[TRAINING].colour, colours.styles[VALIDATION].colour, colours.paper)
    )
    assert contrast(training, validation) > 1.8
    assert min(contrast(training, paper), contrast(validation, paper)) > 2.5


@pytest.mark.parametrize("theme", ThemeName)
def test_curves_of_sweeps_differ_in_colour_and_marker(theme: ThemeName) -> None:
    several = [THEMES[theme].styles[sweep_style(index)] for index in range(8)]
    assert len({style.colour for style in several}) == len({style.marker for style in several}) == 8


def luminance(colour: str) -> float:
    """Return the relative luminance (WCAG 2.2) of a colour, from 0 (black) to 1 (white)."""
    channels = np.array(ImageColor.getrgb(colour)[:3]) / 255
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))


def contrast(one: float, other: float) -> float:
    """Return the contrast ratio of two luminances (WCAG 2.2), from 1 to 21."""
    return (max(one, other) + 0.05) / (min(one, other) + 0.05)


@pytest.mark.parametrize("theme", ThemeName)
def test_text_contrasts_with_its_cell(theme: ThemeName) -> None:
    for style in THEMES[theme].heatmap:
        assert contrast(luminance(style.fill), luminance(style.ink)) >= 4.5


def test_cells_are_ordered_by_lightness_and_cover_all_fractions() -> None:
    theme = THEMES[ThemeName.LIGHT]
    lightness = [luminance(theme.cell(percent / 100).fill) for percent in range(101)]
    assert lightness == sorted(lightness)
    assert len(set(lightness)) == len(theme.heatmap)


scales = st.lists(SCALES, min_size=1, max_size=64, unique=True)


@settings(max_examples=25)
@given(
    scales,
    st.integers(1, 3),
    st.builds(
        PlotOptions,
        width=st.floats(2, 12),
        height=st.floats(2, 12),
        dpi=st.just(50),
        theme=st.sampled_from(ThemeName),
    ),
    st.booleans(),
)
def test_picture_has_the_requested_size_for_any_scales(
    scales: list[float], seeds: int, options: PlotOptions, log: bool
) -> None:
    sweep = measured_sweep(*[dict.fromkeys(scales, 0.5 + seed / 10) for seed in range(seeds)])
    picture = Image.open(io.BytesIO(draw(plot_data(sweep, log=log), options)))
    assert options.width
    assert options.height
    assert picture.size == pytest.approx((options.width * 50, options.height * 50), abs=1)
