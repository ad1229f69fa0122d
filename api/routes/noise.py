"""/noise: previews of the noise on images, without training."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Depends, Query, Request, Response
from numpy.typing import NDArray
from pydantic import WrapValidator

from api.datasets.errors import UnknownDatasetError
from api.dependencies import AccessDep, ArraysDep, DatasetsDep, DrawingDep
from api.http.conditional import JSON, NOT_MODIFIED, IfNoneMatch, raise_if_not_modified, target_of
from api.http.problems import problem_responses
from api.http.root_path import root_path_of
from api.http.validation import invalid_field
from api.plots.noise import NoisePicture, draw
from api.plots.options import FileFormat, OptionsDep, PlotResponse, plot_responses
from api.routes.responses import named
from api.science.noise_kinds import default_levels, describe_kinds
from api.science.noise_preview import PURPOSES, NoisePreview, SelectedImages, preview_noise, samples, select_images
from noisesweep.models import (
    DatasetInfo,
    DatasetSlug,
    Images,
    NoiseKind,
    NoiseKindList,
    NoiseSamples,
    PixelRange,
    PixelScale,
)
from noisesweep.models.config import Seed, reject_duplicates
from noisesweep.models.links import to_json
from shared.datasets import DatasetName

router = APIRouter(prefix="/noise", tags=["noise"])
READ = problem_responses(HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY) | NOT_MODIFIED
# Kinds that add noise in the unit of the pixels. The scale of the others is a share or a relative size.
WITH_UNIT = {NoiseKind.GAUSSIAN, NoiseKind.UNIFORM}
MAX_LEVELS = 25
INDICES = r"^-?[0-9]{1,6}(,-?[0-9]{1,6}){0,11}$"
SLICE = r"^[0-9]{0,2}:[0-9]{0,2}$"


async def _dataset(
    datasets: DatasetsDep,
    access: AccessDep,
    dataset: Annotated[DatasetSlug, Query(description="Name of the data set of the images.")] = DatasetName.MNIST,
) -> DatasetInfo:
    access.check_dataset(dataset)
    try:
        return await datasets.find(dataset)
    except UnknownDatasetError as error:
        raise invalid_field(str(error), dataset, "query", "dataset") from error


InfoDep = Annotated[DatasetInfo, Depends(_dataset)]


async def _preview(
    *,
    info: InfoDep,
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
            description="Up to 8 different scales of the noise, in units of pixel_range. The default is 0.1, 0.5, 1, 2 "
            "and 4 times the range, as far as the kind of noise accepts them.",
        ),
    ] = None,
    noise: Annotated[
        Annotated[list[NoiseKind], WrapValidator(reject_duplicates)] | None,
        Query(
            min_length=1,
            json_schema_extra={"uniqueItems": True},
            description="Kinds of noise, each with all scales; see /noise/kinds. The default is gaussian. Up to "
            f"{MAX_LEVELS} pairs of kind and scale are shown.",
        ),
    ] = None,
    seed: Seed = 0,
    clip: Annotated[bool, Query(description="Clip noisy pixels to the range.")] = False,
    pixel_range: Annotated[
        PixelRange, Query(description="The value of white. Scales and returned pixels are in this range.")
    ] = PixelRange.ONE,
) -> NoisePreview:
    levels = tuple(_levels(noise or [NoiseKind.GAUSSIAN], scale, pixel_range))
    return NoisePreview(
        info.facts, images, tuple(map(int, indices.split(","))), levels, seed, clip=clip, pixel_range=pixel_range
    )


def _levels(
    kinds: Sequence[NoiseKind], scales: Sequence[float] | None, pixel_range: PixelRange
) -> list[tuple[NoiseKind, float]]:
    """Return the pairs of kind and scale to show.

    Raises:
        RequestValidationError: A kind cannot have a scale or the pixel range, or there are too many pairs.
    """
    without_unit = [kind for kind in kinds if kind not in WITH_UNIT]
    if without_unit and pixel_range != PixelRange.ONE:
        reason = f"expected 1 with {without_unit[0].text} noise, received {pixel_range}"
        raise invalid_field(reason, pixel_range, "query", "pixel_range")
    if scales is None:
        return default_levels(kinds, pixel_range)
    if len(kinds) * len(scales) > MAX_LEVELS:
        reason = f"expected up to {MAX_LEVELS} pairs of kind and scale, received {len(kinds)} x {len(scales)}"
        raise invalid_field(reason, list(kinds), "query", "noise")
    for kind in kinds:
        for index, scale in enumerate(scales):
            try:
                kind.check(scale / pixel_range)
            except ValueError as error:
                raise invalid_field(str(error), scale, "query", "scale", index) from error
    return [(kind, scale) for kind in kinds for scale in scales]


PreviewDep = Annotated[NoisePreview, Depends(_preview)]
Pixels = Annotated[str, Query(pattern=SLICE, examples=["10:15"])]


def _slice(text: str) -> slice:
    start, stop = text.split(":")
    return slice(int(start or 0), int(stop) if stop else None)


@router.get("/kinds", response_model=NoiseKindList, responses=READ)
async def list_noise_kinds(
    *,
    request: Request,
    info: InfoDep,
    arrays: ArraysDep,
    in_turn: DrawingDep,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Describe each kind of noise: formula, valid scales, size of the change, and an example."""
    data = await arrays.get(info.facts)
    headers = JSON.headers(target_of(request), info.state)
    raise_if_not_modified(if_none_match, headers)
    root_path = root_path_of(request.scope)
    document = await in_turn(headers["ETag"], lambda: to_json(describe_kinds(data), root_path).encode())
    return Response(document, headers=headers | named("noise-kinds.json"), media_type="application/json")


@router.get("/samples", response_model=NoiseSamples, responses=READ)
async def get_noise_samples(
    *,
    request: Request,
    preview: PreviewDep,
    arrays: ArraysDep,
    in_turn: DrawingDep,
    rows: Annotated[Pixels, Query(description="Rows to return, as a Python slice start:stop; : returns all.")] = ":",
    columns: Annotated[Pixels, Query(description="Columns to return, in the same format.")] = ":",
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Return pixels of clean images, of noisy images, and of the noise that a run with this seed uses.

    A run with `resample` draws new noise of the same distribution in each epoch.
    """
    selected = select_images(await arrays.get(preview.dataset), preview)
    headers = JSON.headers(target_of(request), preview.dataset.state)
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
    arrays: ArraysDep,
    in_turn: DrawingDep,
    if_none_match: IfNoneMatch = None,
) -> PlotResponse:
    """Plot clean images and, for each scale, the noisy images and the noise; without the noise for several kinds.

    In the format json, the answer is the same as from /noise/samples.
    """
    selected = select_images(await arrays.get(preview.dataset), preview)
    headers = options.file_format.representation.headers(target_of(request), preview.dataset.state)
    raise_if_not_modified(if_none_match, headers)

    def answer() -> bytes:
        if options.file_format is FileFormat.JSON:
            return _document(selected, preview, slice(None), slice(None))
        return draw(_noise_picture(selected, preview), options)

    name = named(f"{_name(preview)}.{options.file_format}")
    return PlotResponse(await in_turn(headers["ETag"], answer), options, headers | name)


def _name(preview: NoisePreview) -> str:
    return f"noise-{preview.dataset.name}-{preview.images}-seed-{preview.seed}"


def _noise(selected: SelectedImages, preview: NoisePreview) -> NDArray[np.float32]:
    purpose, shape = PURPOSES[preview.images], preview.dataset.image_shape
    return preview_noise(preview.seed, purpose, selected.count, shape, selected.indices)


def _noise_picture(selected: SelectedImages, preview: NoisePreview) -> NoisePicture:
    class_names = preview.dataset.class_names
    return NoisePicture(
        dataset=preview.dataset.name,
        indices=selected.indices,
        labels=tuple(class_names[label] for label in selected.labels),
        levels=preview.levels,
        clean=selected.clean,
        noise=_noise(selected, preview),
        clip=preview.clip,
        pixel_range=preview.pixel_range,
        settings=f"{preview.dataset.name}, {preview.images} images, noise of seed {preview.seed}",
    )
