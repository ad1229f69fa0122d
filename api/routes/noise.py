"""/noise: previews of the noise on images, without training."""

from http import HTTPStatus
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Depends, Query, Request, Response
from numpy.typing import NDArray
from pydantic import WrapValidator

from api.dependencies import DatasetsDep, DrawingDep
from api.http.conditional import JSON, NOT_MODIFIED, IfNoneMatch, raise_if_not_modified, target_of
from api.http.problems import problem_responses
from api.plots.noise import NoisePicture, draw
from api.plots.options import FileFormat, OptionsDep, PlotResponse, plot_responses
from api.routes.responses import named
from api.science.noise_preview import PURPOSES, NoisePreview, SelectedImages, preview_noise, samples, select_images
from noisesweep.models import Images, NoiseSamples, PixelRange, PixelScale
from noisesweep.models.config import Seed, reject_duplicates
from shared.datasets import CATALOGUE, DatasetName

router = APIRouter(prefix="/noise", tags=["noise"])
READ = problem_responses(HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY) | NOT_MODIFIED
# The scales of the reference notebook, in units of the pixel range.
SCALES = (0.1, 0.5, 1.0, 2.0, 4.0)
INDICES = r"^-?[0-9]{1,6}(,-?[0-9]{1,6}){0,11}$"
SLICE = r"^[0-9]{0,2}:[0-9]{0,2}$"


async def _preview(
    *,
    dataset: Annotated[DatasetName, Query(description="The data set.")] = DatasetName.MNIST,
    images: Annotated[Images, Query(description="Training or validation images.")] = Images.TRAINING,
    indices: Annotated[
        str,
        Query(
            pattern=INDICES,
            description="Up to 12 indices of these images, from 0, separated by commas. Negative indices count from "
            "the end.",
            examples=["-1,0,1,2,3,4"],
        ),
    ] = "-1,0,1,2,3,4",
    scale: Annotated[
        Annotated[list[PixelScale], WrapValidator(reject_duplicates)] | None,
        Query(
            min_length=1,
            max_length=8,
            json_schema_extra={"uniqueItems": True},
            description="Up to 8 different standard deviations of the noise, in units of pixel_range. The default is "
            "0.1, 0.5, 1, 2 and 4 times the range.",
        ),
    ] = None,
    seed: Seed = 0,
    clip: Annotated[bool, Query(description="Clip noisy pixels to the range.")] = False,
    pixel_range: Annotated[
        PixelRange, Query(description="The value of white. Scales and returned pixels are in this range.")
    ] = PixelRange.ONE,
) -> NoisePreview:
    scales = scale or [relative * pixel_range for relative in SCALES]
    return NoisePreview(
        dataset, images, tuple(map(int, indices.split(","))), tuple(scales), seed, clip=clip, pixel_range=pixel_range
    )


PreviewDep = Annotated[NoisePreview, Depends(_preview)]
Pixels = Annotated[str, Query(pattern=SLICE, examples=["10:15"])]


def _slice(text: str) -> slice:
    start, stop = text.split(":")
    return slice(int(start or 0), int(stop) if stop else None)


@router.get("/samples", response_model=NoiseSamples, responses=READ)
async def get_noise_samples(
    *,
    request: Request,
    preview: PreviewDep,
    datasets: DatasetsDep,
    in_turn: DrawingDep,
    rows: Annotated[Pixels, Query(description="Rows to return, as a Python slice start:stop; : returns all.")] = ":",
    columns: Annotated[Pixels, Query(description="Columns to return, in the same format.")] = ":",
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Return pixels of clean images, of noisy images, and of the noise that a run with this seed uses.

    A run with `resample` draws new noise of the same distribution in each epoch.
    """
    selected = select_images(await datasets.get(preview.dataset), preview)
    headers = JSON.headers(target_of(request))
    raise_if_not_modified(if_none_match, headers)
    document = await in_turn(headers["ETag"], lambda: _document(selected, preview, _slice(rows), _slice(columns)))
    return Response(document, headers=headers | named(f"{_name(preview)}.json"), media_type="application/json")


def _document(selected: SelectedImages, preview: NoisePreview, rows: slice, columns: slice) -> bytes:
    return samples(selected, _noise(selected, preview), preview, rows, columns).model_dump_json().encode()


@router.get("/plot", response_class=Response, responses=READ | plot_responses(NoiseSamples))
async def plot_noise(
    *,
    request: Request,
    preview: PreviewDep,
    options: OptionsDep,
    datasets: DatasetsDep,
    in_turn: DrawingDep,
    if_none_match: IfNoneMatch = None,
) -> PlotResponse:
    """Plot clean images and, for each scale, the noisy images and the noise.

    In the format json, the answer is the same as from /noise/samples.
    """
    selected = select_images(await datasets.get(preview.dataset), preview)
    headers = options.file_format.representation.headers(target_of(request))
    raise_if_not_modified(if_none_match, headers)

    def answer() -> bytes:
        if options.file_format is FileFormat.JSON:
            return _document(selected, preview, slice(None), slice(None))
        return draw(_noise_picture(selected, preview), options)

    name = named(f"{_name(preview)}.{options.file_format}")
    return PlotResponse(await in_turn(headers["ETag"], answer), options, headers | name)


def _name(preview: NoisePreview) -> str:
    return f"noise-{preview.dataset}-{preview.images}-seed-{preview.seed}"


def _noise(selected: SelectedImages, preview: NoisePreview) -> NDArray[np.float32]:
    return preview_noise(preview.seed, PURPOSES[preview.images], selected.count, selected.indices)


def _noise_picture(selected: SelectedImages, preview: NoisePreview) -> NoisePicture:
    class_names = CATALOGUE[preview.dataset].class_names
    return NoisePicture(
        dataset=preview.dataset,
        indices=selected.indices,
        labels=tuple(class_names[label] for label in selected.labels),
        scales=preview.scales,
        clean=selected.clean,
        noise=_noise(selected, preview),
        clip=preview.clip,
        pixel_range=preview.pixel_range,
        settings=f"{preview.dataset}, {preview.images} images, noise of seed {preview.seed}",
    )
