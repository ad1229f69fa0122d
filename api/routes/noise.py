"""/noise: what noise looks like on the images, before anything is trained on it."""

import asyncio
import hashlib
from http import HTTPStatus
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Depends, Query, Response
from numpy.typing import NDArray

from api.dependencies import DrawingDep, InspectingDep, LibraryDep
from api.http.conditional import CACHE_CONTROL, NOT_MODIFIED, IfNoneMatch, refuse_known
from api.http.problems import documented
from api.plots.noise import NoisePicture, draw
from api.plots.options import PICTURE, OptionsDep, PictureResponse
from api.science.noise_preview import PURPOSES, Chosen, Inspection, choose, noise_of, samples
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


async def _inspection(
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
) -> Inspection:
    scales = scale or [one * pixel_range for one in SCALES]
    return Inspection(
        dataset, images, tuple(map(int, indices.split(","))), tuple(scales), seed, clip=clip, pixel_range=pixel_range
    )


InspectionDep = Annotated[Inspection, Depends(_inspection)]
Pixels = Annotated[str, Query(pattern=SLICE, examples=["10:15"])]


def _slice(text: str) -> slice:
    start, stop = text.split(":")
    return slice(int(start or 0), int(stop) if stop else None)


def _validators(*asked: object) -> dict[str, str]:
    """The headers of an answer that follows from the request and the program alone."""
    digest = hashlib.sha256(repr(asked).encode()).hexdigest()[:16]
    return {"ETag": f'"{digest}-{__version__}"', "Cache-Control": CACHE_CONTROL}


@router.get("/samples", response_model=NoiseSamples, responses=READ)
async def get_noise_samples(
    *,
    inspection: InspectionDep,
    library: LibraryDep,
    inspecting: InspectingDep,
    rows: Annotated[Pixels, Query(description="start:stop of the rows answered, as Python has it; : is all.")] = ":",
    columns: Annotated[Pixels, Query(description="Likewise of the columns.")] = ":",
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Images clean, with noise, and the noise alone, as numbers: the draws that a run of this seed trains on.

    A run with `resample` trains on others of their kind, in each epoch.
    """
    chosen = choose(await library.get(inspection.dataset), inspection)
    headers = _validators(inspection, rows, columns)
    refuse_known(if_none_match, headers["ETag"])
    noise = await _noise(inspecting, chosen, inspection)

    def document() -> str:
        return samples(chosen, noise, inspection, _slice(rows), _slice(columns)).model_dump_json()

    async with inspecting:  # all pixels of all images at all scales take a second
        return Response(await asyncio.to_thread(document), headers=headers, media_type="application/json")


@router.get("/plot", response_class=Response, responses=READ | PICTURE)
async def plot_noise(
    *,
    inspection: InspectionDep,
    options: OptionsDep,
    library: LibraryDep,
    inspecting: InspectingDep,
    drawing: DrawingDep,
    if_none_match: IfNoneMatch = None,
) -> PictureResponse:
    """The same images as a picture: clean, then for each scale with noise, and the noise alone."""
    chosen = choose(await library.get(inspection.dataset), inspection)
    headers = _validators(inspection, options)
    refuse_known(if_none_match, headers["ETag"])
    data = _picture(chosen, await _noise(inspecting, chosen, inspection), inspection)
    async with drawing:
        picture = await asyncio.to_thread(draw, data, options)
    return PictureResponse(picture, options, headers)


async def _noise(inspecting: asyncio.Lock, chosen: Chosen, inspection: Inspection) -> NDArray[np.float32]:
    purpose = PURPOSES[inspection.images]
    async with inspecting:
        return await asyncio.to_thread(noise_of, inspection.seed, purpose, chosen.count, chosen.indices)


def _picture(chosen: Chosen, noise: NDArray[np.float32], inspection: Inspection) -> NoisePicture:
    class_names = CATALOGUE[inspection.dataset].class_names
    return NoisePicture(
        dataset=inspection.dataset,
        indices=chosen.indices,
        labels=tuple(class_names[label] for label in chosen.labels),
        scales=inspection.scales,
        clean=chosen.clean,
        noise=noise,
        clip=inspection.clip,
        pixel_range=inspection.pixel_range,
        caption=f"{inspection.dataset}, {inspection.images} images, noise of seed {inspection.seed}",
    )
