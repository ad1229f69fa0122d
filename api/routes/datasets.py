"""/datasets: the data sets that runs can use."""

from fastapi import APIRouter

from noisesweep.models import DatasetList
from shared.datasets import CATALOGUE

router = APIRouter(prefix="/datasets", tags=["datasets"])


@router.get("")
async def list_datasets() -> DatasetList:
    """List the data sets with their licences, sizes and hashes. A run fails if its worker cannot load its data set."""
    return DatasetList(datasets=list(CATALOGUE.values()))
