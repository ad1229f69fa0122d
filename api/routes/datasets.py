"""/datasets: what a run can train on."""

from fastapi import APIRouter

from noisesweep.models import DatasetList
from shared.datasets import CATALOGUE

router = APIRouter(prefix="/datasets", tags=["datasets"])


@router.get("")
async def list_datasets() -> DatasetList:
    """The data sets with their licences, sizes and hashes. A worker that lacks one says so on the run."""
    return DatasetList(datasets=list(CATALOGUE.values()))
