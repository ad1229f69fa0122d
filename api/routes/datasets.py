"""/datasets: the data sets that runs can use, and the best possible accuracy on them."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import WrapValidator

from api.http.problems import problem_responses
from api.science.limit import dataset_limit
from noisesweep.models import MAX_SCALES, DatasetLimit, DatasetList
from noisesweep.models.config import Scale, reject_duplicates
from shared.datasets import CATALOGUE, DatasetName

router = APIRouter(prefix="/datasets", tags=["datasets"])


@router.get("")
async def list_datasets() -> DatasetList:
    """List the data sets with their licences, sizes and hashes. A run fails if its worker cannot load its data set."""
    return DatasetList(datasets=list(CATALOGUE.values()))


@router.get("/{dataset}/ideal", responses=problem_responses(HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY))
async def get_ideal(
    dataset: Annotated[DatasetName, Path(description="The data set.")],
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
