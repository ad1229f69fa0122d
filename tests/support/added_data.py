"""Data sets in the store, added like an upload."""

import asyncio

from redis import asyncio as redis_asyncio

from api.datasets.store import DatasetStore
from noisesweep.models import DatasetFacts
from noisesweep.models.keys import ANYONE
from shared.datasets import Dataset
from shared.settings import Settings
from tests.support.own_data import Arrays, npz


def add_dataset(settings: Settings, name: str, arrays: Arrays) -> DatasetFacts:
    """Add a data set to the store, and return its content."""

    async def add() -> DatasetFacts:
        url = settings.redis_url.get_secret_value()
        async with redis_asyncio.Redis.from_url(url, decode_responses=True) as client:
            info, _ = await DatasetStore(client, settings).add(name, npz(arrays), "", ANYONE)
        return info.facts

    return asyncio.run(add())


def arrays_of(dataset: Dataset) -> Arrays:
    """Return the arrays of a data set as a client uploads them."""
    return {
        "x_train": dataset.training_images,
        "y_train": dataset.training_labels,
        "x_test": dataset.validation_images,
        "y_test": dataset.validation_labels,
    }
