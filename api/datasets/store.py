"""Store of the data sets that clients have added, beside the built-in ones."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from cachetools import TTLCache
from redis.asyncio import Redis
from redis.client import NEVER_DECODE

from api.datasets.cache import FAILURE_SECONDS, MAX_FAILURES
from api.datasets.errors import DatasetNeededError, DatasetTakenError, UnknownDatasetError, UploadTooLargeError
from api.datasets.files import MAX_BYTES, find_files, read_files
from api.limits import limits_for
from noisesweep.models import Caller, DatasetFacts, DatasetInfo
from noisesweep.models.keys import ANYONE
from shared.datasets import CATALOGUE, Dataset, Upload, hash_arrays, pack, read_upload, unpack
from shared.errors import DatasetUnavailableError, InvalidDatasetError
from shared.settings import Settings
from shared.store.clock import server_time_async
from shared.store.functions import AsyncFunctions, Function
from shared.store.keys import DATASETS, dataset_pieces, new_upload

PIECE_BYTES = 1_000_000
# Pieces of an interrupted upload expire after this time.
UPLOAD_SECONDS = 600
# A data set in the store, without its arrays and its description.
RECORD_BYTES = 1000


class DatasetStore:
    """Data sets that a sweep can use: built-in ones, and those that clients have added.

    Every method raises redis.exceptions.RedisError if the store does not respond.
    """

    def __init__(self, redis: Redis, settings: Settings) -> None:
        self._redis = redis
        self._functions = AsyncFunctions(redis)
        self._settings, self._max_dataset_bytes = settings, settings.max_dataset_bytes
        self._data_dir, self._adding = settings.data_dir, asyncio.Lock()
        self._failures: TTLCache[Path, str] = TTLCache(MAX_FAILURES, FAILURE_SECONDS)

    async def list_all(self) -> list[DatasetInfo]:
        """Return all data sets: the built-in ones, then the others by name."""
        stored = await self._redis.hgetall(DATASETS)
        return [*CATALOGUE.values(), *(DatasetInfo.model_validate_json(stored[name]) for name in sorted(stored))]

    async def find(self, name: str) -> DatasetInfo:
        """Return the data set of this name. One that is only in NOISESWEEP_DATA_DIR is added first.

        Raises:
            UnknownDatasetError: There is none.
            DatasetUnavailableError: The files in NOISESWEEP_DATA_DIR are not a data set, or there is no room for it.
        """
        if name in CATALOGUE:
            return CATALOGUE[name]
        stored = await self._redis.hget(DATASETS, name)
        if stored is None and (path := find_files(self._data_dir, name)):
            return await self._add_files(name, path)
        if stored is None:
            raise UnknownDatasetError(name, await self._names())
        return DatasetInfo.model_validate_json(stored)

    async def _names(self) -> list[str]:
        return [*CATALOGUE, *sorted(map(str, await self._redis.hkeys(DATASETS)))]

    async def _add_files(self, name: str, path: Path) -> DatasetInfo:
        """Add a data set from the data folder, one at a time. Failures are cached."""
        async with self._adding:
            if reason := self._failures.get(path):
                raise DatasetUnavailableError(reason)
            try:
                info, _ = await self.add(name, await asyncio.to_thread(read_files, path), f"From {path.name}", ANYONE)
            except (InvalidDatasetError, DatasetTakenError, UploadTooLargeError, OSError) as error:
                self._failures[path] = f"{path.name}: {error}"
                raise DatasetUnavailableError(self._failures[path]) from error
            return info

    async def add(self, name: str, content: bytes, description: str, caller: Caller) -> tuple[DatasetInfo, bool]:
        """Add a data set from an uploaded archive. Return it, and whether it is new.

        Args:
            name: Its name.
            content: The archive, see `shared.datasets.uploads`.
            description: What it contains.
            caller: Who adds it, and whose stored bytes it counts for.

        Raises:
            InvalidDatasetError: The archive does not contain a data set.
            DatasetTakenError: The name belongs to another content, or the content has another name.
            UploadTooLargeError: It does not fit into the space that data sets, or those of this API key, may occupy.
        """
        if self._max_dataset_bytes == 0:
            raise UploadTooLargeError("This service accepts no data sets.")
        upload, packed, sha256 = await asyncio.to_thread(_read, content)
        if name in CATALOGUE:
            raise DatasetTakenError(f"The name {name} belongs to a built-in data set: choose another one.")
        if len(packed) > MAX_BYTES:
            raise UploadTooLargeError(
                f"A data set may occupy {MAX_BYTES / 1e6:,.0f} MB, compressed. This one needs {len(packed) / 1e6:,.1f}."
            )
        created_at = datetime.fromtimestamp(await server_time_async(self._redis) / 1e6, UTC)
        info = _describe(name, upload, sha256).model_copy(
            update={"description": description, "submitter": caller.name, "created_at": created_at}
        )
        size = len(packed) + len(info.model_dump_json().encode()) + RECORD_BYTES
        info, key = info.model_copy(update={"stored_bytes": size}), new_upload()
        try:
            for first in range(0, len(packed), PIECE_BYTES):
                async with self._redis.pipeline(transaction=True) as pipeline:
                    pipeline.rpush(key, packed[first : first + PIECE_BYTES])
                    pipeline.expire(key, UPLOAD_SECONDS)
                    await pipeline.execute()
            reply = await self._functions.call(
                Function.ADD_DATASET,
                name=name,
                info=info.model_dump_json(),
                upload=key,
                max_dataset_bytes=self._max_dataset_bytes,
                **limits_for(self._settings, caller),
            )
        finally:
            await self._redis.delete(key)  # it no longer exists if it was added
        _raise_if_refused(reply, name)
        if reply == ["added"]:
            return info, True
        present = await self.find(name)
        if present.facts != info.facts:
            raise DatasetTakenError(
                f"The data set {name} has these arrays with another shape or other class names: delete it first."
            )
        return present, False

    async def submitter(self, name: str) -> str | None:
        """Return the name of the API key that added a data set; None if the service had no keys.

        Raises:
            UnknownDatasetError: No data set has this name.
            DatasetNeededError: It is built in.
        """
        _raise_if_built_in(name)
        stored = await self._redis.hget(DATASETS, name)
        if stored is None:
            raise UnknownDatasetError(name, await self._names())
        return DatasetInfo.model_validate_json(stored).submitter or None

    async def delete(self, name: str) -> None:
        """Remove a data set.

        Raises:
            UnknownDatasetError: No data set has this name.
            DatasetNeededError: It is built in, or a sweep needs it.
        """
        _raise_if_built_in(name)
        match await self._functions.call(Function.DELETE_DATASET, name=name):
            case ["missing"]:
                raise UnknownDatasetError(name, await self._names())
            case ["needed", count]:
                raise DatasetNeededError(
                    f"{count} sweep{'s need' if count > 1 else ' needs'} the data set {name}: delete "
                    f"{'them' if count > 1 else 'it'} first."
                )

    async def arrays(self, facts: DatasetFacts) -> Dataset:
        """Return the arrays of a data set that was added.

        Raises:
            DatasetUnavailableError: It was deleted.
        """
        key = dataset_pieces(facts.sha256)
        pieces: list[bytes] = []
        while piece := await self._redis.execute_command(  # type: ignore[no-untyped-call]
            "LINDEX", key, len(pieces), **{NEVER_DECODE: True}
        ):
            pieces.append(piece)
        if not pieces:
            raise DatasetUnavailableError(f"The data set {facts.name} was deleted.")
        return await asyncio.to_thread(unpack, b"".join(pieces), facts, "the store")


def _raise_if_built_in(name: str) -> None:
    if name in CATALOGUE:
        raise DatasetNeededError(f"The data set {name} is built in and cannot be deleted.")


def _read(content: bytes) -> tuple[Upload, bytes, str]:
    upload = read_upload(content)
    return upload, pack(upload.arrays), hash_arrays(upload.arrays)


def _describe(name: str, upload: Upload, sha256: str) -> DatasetInfo:
    x_train, y_train, x_test, y_test = upload.arrays
    classes = len(upload.class_names)
    return DatasetInfo(
        name=name,
        image_shape=x_train.shape[1:],
        classes=classes,
        class_names=upload.class_names,
        training_images=len(x_train),
        validation_images=len(x_test),
        sha256=sha256,
        description="",
        licence="",
        citation="",
        training_counts=np.bincount(y_train, minlength=classes).tolist(),
        validation_counts=np.bincount(y_test, minlength=classes).tolist(),
    )


def _raise_if_refused(reply: list[Any], name: str) -> None:
    match reply:
        case ["taken"]:
            raise DatasetTakenError(f"The data set {name} has another content: choose another name, or delete it.")
        case ["stored", other]:
            raise DatasetTakenError(f"This content is already stored as {other}: use this name.")
        case ["refused", "max_datasets", count, *_]:
            raise UploadTooLargeError(f"The service has {count} data sets, and may have no more. Delete some.")
        case ["refused", limit, stored, allowed, size]:
            whose = "all data sets" if limit == "max_dataset_bytes" else "the sweeps and data sets of this API key"
            raise UploadTooLargeError(
                f"There is no room for {size / 1e6:,.1f} MB: {whose} occupy {stored / 1e6:,.1f} MB of "
                f"{allowed / 1e6:,.1f} MB. Delete data sets or sweeps that are no longer needed."
            )
