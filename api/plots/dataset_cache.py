"""The data sets that the API shows pictures of, loaded when they are first asked for."""

import asyncio
import logging
import time
from collections import OrderedDict
from pathlib import Path

from shared.datasets import Dataset, DatasetName, load
from shared.errors import DatasetUnavailableError

# MNIST takes 55 MB.
KEPT = 2
# Else a host without a network would try a download, which takes seconds to fail, for each request.
FAILURE_SECONDS = 60.0

logger = logging.getLogger(__name__)


class Library:
    """The data sets of this host, the last two asked for in memory.

    Args:
        data_dir: The folder that NOISESWEEP_DATA_DIR names.
    """

    def __init__(self, data_dir: Path | None) -> None:
        self._data_dir = data_dir
        self._loaded: OrderedDict[str, Dataset] = OrderedDict()
        self._failures: dict[str, tuple[float, str]] = {}
        self._loading: dict[str, asyncio.Lock] = {name: asyncio.Lock() for name in DatasetName}

    async def get(self, name: str) -> Dataset:
        """The data set, at once if it is kept; who asks while it is loaded waits for that.

        Raises:
            DatasetUnavailableError: It cannot be had on this host, or could not be less than a minute ago.
        """
        async with self._loading[name]:
            if name not in self._loaded:
                self._loaded[name] = await self._load(name)
                if len(self._loaded) > KEPT:
                    self._loaded.popitem(last=False)
            self._loaded.move_to_end(name)
            return self._loaded[name]

    async def _load(self, name: str) -> Dataset:
        failed_at, reason = self._failures.get(name, (float("-inf"), ""))
        if time.monotonic() - failed_at < FAILURE_SECONDS:
            raise DatasetUnavailableError(reason)
        try:
            return await asyncio.to_thread(load, name, self._data_dir)
        except (DatasetUnavailableError, OSError) as error:
            logger.warning("The data set %s cannot be shown: %s", name, error)
            self._failures[name] = time.monotonic(), str(error)
            raise DatasetUnavailableError(str(error)) from error
