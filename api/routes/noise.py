"""/noise: what noise looks like on the images, before anything is trained on it."""

import hashlib
from http import HTTPStatus
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Depends, Query, Response
from numpy.typing import NDArray

from api.dependencies import DatasetsDep
from api.http.conditional import NOT_MODIFIED, IfNoneMatch, raise_if_not_modified, validators
from api.http.problems import documented
from api.plots.noise import NoisePicture, draw
from api.plots.options import FileFormat, OptionsDep, PlotResponse, plot_responses
from api.plots.picture import in_turn
from api.science.noise_preview import PURPOSES, ChosenImages, NoisePreview, choose, preview_noise, samples
from noisesweep import __version__
from noisesweep.models import Images, NoiseSamples, PixelRange, PixelScale
from noisesweep.models.config import Seed
from shared.datasets import CATALOGUE, DatasetName

router = APIRouter(prefix="/noise", tags=["noise"])
READ = documented(HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY) | NOT_MODIFIED
# The notebook's, in units of the pixel range.
SCALES = (0.1, 0.5, 1.0, 2.0, 4.0)
INDICES = r"^-?[0-9]{1,6}(,-?[0-9]{1,6}){0,11}$"
SLICE = r"^[0-9]{0,2}:[0-9]{0,2}$"


async def _preview(
    *,
    dataset: Annotated[DatasetName, Query(description="The data set.")] = DatasetName.MNIST,
    images: Annotated[Images, Query(description="Which of its images.")] = Images.TRAINING,
    indices: Annotated[
        str,
        Query(
            pattern=INDICES,
            description="Places among these images, from 0, separated by commas; negative ones count from the end. "
            "Up to 12.",
            examples=["-1,0,1,2,3,4"],
        ),
    ] = "-1,0,1,2,3,4",
    scale: Annotated[
        list[PixelScale] | None,
        Query(
            min_length=1,
            max_length=8,
            description="Standard deviations of the noise in the unit of pixel_range, up to 8; by default 0.1, 0.5, 1, "
            "2 and 4 times the range.",
        ),
    ] = None,
    seed: Seed = 0,
    clip: Annotated[bool, Query(description="Clip noisy pixels to the range.")] = False,
    pixel_range: Annotated[
        PixelRange, Query(description="What white is: the unit of the scales, and of the numbers answered.")
    ] = PixelRange.ONE,
) -> NoisePreview:
    scales = scale or [one * pixel_range for one in SCALES]
    return NoisePreview(
        dataset, images, tuple(map(int, indices.split(","))), tuple(scales), seed, clip=clip, pixel_range=pixel_range
    )


PreviewDep = Annotated[NoisePreview, Depends(_preview)]
Pixels = Annotated[str, Query(pattern=SLICE, examples=["10:15"])]


def _slice(text: str) -> slice:
    start, stop = text.split(":")
    return slice(int(start or 0), int(stop) if stop else None)


def _validators(*asked: object) -> dict[str, str]:
    """The headers of an answer that follows from the request and the program alone."""
    digest = hashlib.sha256(repr(asked).encode()).hexdigest()[:16]
    return validators(f'"{digest}-{__version__}"')


@router.get("/samples", response_model=NoiseSamples, responses=READ)
async def get_noise_samples(
    *,
    preview: PreviewDep,
    datasets: DatasetsDep,
    rows: Annotated[Pixels, Query(description="start:stop of the rows answered, as Python has it; : is all.")] = ":",
    columns: Annotated[Pixels, Query(description="Likewise of the columns.")] = ":",
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Images clean, with noise, and the noise alone, as numbers: the draws that a run of this seed trains on.

    A run with `resample` trains on others of their kind, in each epoch.
    """
    chosen = choose(await datasets.get(preview.dataset), preview)
    headers = _validators(preview, rows, columns)
    raise_if_not_modified(if_none_match, headers["ETag"])
    document = await in_turn(lambda: _document(chosen, preview, _slice(rows), _slice(columns)))
    return Response(document, headers=headers, media_type="application/json")


def _document(chosen: ChosenImages, preview: NoisePreview, rows: slice, columns: slice) -> bytes:
    return samples(chosen, _noise(chosen, preview), preview, rows, columns).model_dump_json().encode()


@router.get("/plot", response_class=Response, responses=READ | plot_responses(NoiseSamples))
async def plot_noise(
    *,
    preview: PreviewDep,
    options: OptionsDep,
    datasets: DatasetsDep,
    if_none_match: IfNoneMatch = None,
) -> PlotResponse:
    """The same images as a picture: clean, then for each scale with noise, and the noise alone.

    As JSON they are the numbers of /noise/samples.
    """
    chosen = choose(await datasets.get(preview.dataset), preview)
    headers = _validators(preview, options)
    raise_if_not_modified(if_none_match, headers["ETag"])

    def answer() -> bytes:
        if options.file_format is FileFormat.JSON:
            return _document(chosen, preview, slice(None), slice(None))
        return draw(_picture(chosen, preview), options)

    return PlotResponse(await in_turn(answer), options, headers)


def _noise(chosen: ChosenImages, preview: NoisePreview) -> NDArray[np.float32]:
    return preview_noise(preview.seed, PURPOSES[preview.images], chosen.count, chosen.indices)


def _picture(chosen: ChosenImages, preview: NoisePreview) -> NoisePicture:
    class_names = CATALOGUE[preview.dataset].class_names
    return NoisePicture(
        dataset=preview.dataset,
        indices=chosen.indices,
        labels=tuple(class_names[label] for label in chosen.labels),
        scales=preview.scales,
        clean=chosen.clean,
        noise=_noise(chosen, preview),
        clip=preview.clip,
        pixel_range=preview.pixel_range,
        settings=f"{preview.dataset}, {preview.images} images, noise of seed {preview.seed}",
    )
