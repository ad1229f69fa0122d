"""/datasets: the data sets that runs can use, and the best possible accuracy on them."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import WrapValidator
from starlette.requests import ClientDisconnect

from api.dependencies import AccessDep, ArraysDep, DatasetsDep, DrawingDep, StateDep
from api.http.auth import caller_of, key_name
from api.http.conditional import NOT_MODIFIED, IfNoneMatch, raise_if_not_modified, target_of
from api.http.errors import ClientDisconnectedError
from api.http.problems import problem_responses
from api.http.root_path import ModelResponse
from api.http.validation import invalid_field
from api.plots import contact_sheet
from api.plots.options import FileFormat, OptionsDep, PlotResponse, plot_responses
from api.routes.responses import STORE_UNAVAILABLE, TOO_BUSY, named
from api.science.limit import dataset_limit
from noisesweep.models import MAX_SCALES, ContactSheet, DatasetInfo, DatasetLimit, DatasetList, DatasetSlug
from noisesweep.models.config import Scale, reject_duplicates
from noisesweep.models.text import Description
from shared.datasets import DatasetName
from shared.errors import InvalidDatasetError

router = APIRouter(prefix="/datasets", tags=["datasets"])
NOT_FOUND = problem_responses(HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND)
ARCHIVES = ("application/zip", "application/octet-stream")
# A browser sends neither type for a page of another site without asking first.
BODY = {
    "requestBody": {
        "required": True,
        "description": "A zip archive: an .npz file with the arrays x_train, y_train, x_test and y_test of type uint8, "
        "as in Keras's mnist.npz, and optionally class_names; or the four IDX files of MNIST, with their names.",
        "content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in ARCHIVES},
    }
}

SlugPath = Annotated[DatasetSlug, Path(description="Name of the data set.")]


async def _find(dataset: SlugPath, datasets: DatasetsDep, access: AccessDep) -> DatasetInfo:
    access.check_dataset(dataset)
    return await datasets.find(dataset)


InfoDep = Annotated[DatasetInfo, Depends(_find)]


@router.get("", responses=STORE_UNAVAILABLE | problem_responses(HTTPStatus.FORBIDDEN))
async def list_datasets(datasets: DatasetsDep, access: AccessDep) -> DatasetList:
    """List the data sets with their licences, sizes and hashes. A run fails if its worker cannot load its data set."""
    access.check_key()
    return DatasetList(datasets=await datasets.list_all())


@router.post(
    "",
    status_code=HTTPStatus.CREATED,
    response_model=DatasetInfo,
    responses={200: {"model": DatasetInfo, "description": "The service already has this data set."}}
    | problem_responses(
        HTTPStatus.FORBIDDEN,
        HTTPStatus.CONFLICT,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        HTTPStatus.UNPROCESSABLE_ENTITY,
        HTTPStatus.INSUFFICIENT_STORAGE,
    )
    | STORE_UNAVAILABLE
    | TOO_BUSY,
    openapi_extra=BODY,
)
async def add_dataset(
    *,
    request: Request,
    state: StateDep,
    access: AccessDep,
    name: Annotated[DatasetSlug, Query(description="Name of the new data set, for `dataset` in requests.")],
    description: Annotated[
        Description, Query(description="Content, origin and preprocessing of the images, and their licence.")
    ] = "",
) -> Response:
    """Add a data set of your own: grey images of 8x8 to 64x64 pixels in 2 to 100 classes, 200,000 images at most.

    The arrays are checked, and stored compressed, in at most 64 MB. A repeated request changes nothing.
    """
    access.check_submission()
    async with state.uploads.turn(key_name(request)):
        try:
            info, is_new = await state.datasets.add(name, await request.body(), description, caller_of(request))
        except InvalidDatasetError as error:
            raise invalid_field(str(error), None, "body") from error
        except ClientDisconnect as error:
            raise ClientDisconnectedError from error
    status = HTTPStatus.CREATED if is_new else HTTPStatus.OK
    return ModelResponse(info, status, {"Location": f"/datasets/{name}"})


@router.get("/{dataset}", responses=NOT_FOUND | STORE_UNAVAILABLE)
async def get_dataset(info: InfoDep) -> DatasetInfo:
    """Describe a data set."""
    return info


@router.delete(
    "/{dataset}",
    status_code=HTTPStatus.NO_CONTENT,
    responses=problem_responses(HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT) | STORE_UNAVAILABLE,
)
async def delete_dataset(dataset: SlugPath, access: AccessDep, datasets: DatasetsDep) -> None:
    """Delete a data set that was added, if no sweep needs it."""
    access.check_submission()  # first, because an error about the name lists the data sets
    access.check_change(await datasets.submitter(dataset))
    await datasets.delete(dataset)


@router.get(
    "/{dataset}/plot",
    response_class=Response,
    responses=NOT_FOUND | NOT_MODIFIED | STORE_UNAVAILABLE | TOO_BUSY | plot_responses(ContactSheet),
)
async def plot_dataset(
    *,
    request: Request,
    info: InfoDep,
    options: OptionsDep,
    arrays: ArraysDep,
    in_turn: DrawingDep,
    if_none_match: IfNoneMatch = None,
) -> PlotResponse:
    """Plot a contact sheet: the first training images of each class, with the number of images."""
    headers = options.file_format.representation.headers(target_of(request), info.state)
    raise_if_not_modified(if_none_match, headers)
    data = await arrays.get(info.facts)

    def answer() -> bytes:
        picture = contact_sheet.of_dataset(info, data)
        if options.file_format is FileFormat.JSON:
            return picture.sheet.model_dump_json().encode()
        return contact_sheet.draw(picture, options)

    name = named(f"{info.name}.{options.file_format}")
    return PlotResponse(await in_turn(headers["ETag"], answer), options, headers | name)


@router.get("/{dataset}/ideal", responses=problem_responses(HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY))
async def get_ideal(
    dataset: Annotated[DatasetName, Path(description="The built-in data set.")],
    scales: Annotated[
        Annotated[list[Scale], WrapValidator(reject_duplicates)] | None,
        Query(
            max_length=MAX_SCALES,
            json_schema_extra={"uniqueItems": True},
            description="Noise scales. The default is all scales of the measured table.",
        ),
    ] = None,
    *,
    clip: Annotated[bool, Query(description="Clip noisy pixels to the range [0, 1].")] = False,
) -> DatasetLimit:
    """Return the best possible accuracy with Gaussian noise: a lower and an upper end for it at each scale.

    The ends come from the ideal observer, which knows the noise and has the training images as templates.
    """
    return dataset_limit(dataset, scales or [], clip=clip)
