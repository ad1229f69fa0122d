"""Store of the data sets that clients have added, beside the built-in ones."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import numpy as np
from redis.asyncio import Redis
from redis.client import NEVER_DECODE

from api.datasets.errors import DatasetNeededError, DatasetTakenError, UnknownDatasetError, UploadTooLargeError
from api.datasets.files import MAX_BYTES, find_files, read_files
from noisesweep.models import DatasetFacts, DatasetInfo
from shared.datasets import CATALOGUE, Dataset, Upload, hash_arrays, pack, read_upload, unpack
from shared.errors import DatasetUnavailableError, InvalidDatasetError
from shared.settings import Settings
from shared.store.clock import server_time_async
from shared.store.functions import AsyncFunctions, Function
from shared.store.keys import DATASETS, dataset_pieces, new_upload

PIECE_BYTES = 1_000_000
# Longer than an upload takes. What remains of an interrupted one is then gone.
UPLOAD_SECONDS = 600


class DatasetStore:
    """Data sets that a sweep can use: built-in ones, and those that clients have added.

    Every method raises redis.exceptions.RedisError if the store does not respond.
    """

    def __init__(self, redis: Redis, settings: Settings) -> None:
        self._redis = redis
        self._functions = AsyncFunctions(redis)
        self._max_stored_bytes, self._max_dataset_bytes = settings.max_stored_bytes, settings.max_dataset_bytes
        self._data_dir = settings.data_dir

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
            try:
                info, _ = await self.add(name, await asyncio.to_thread(read_files, path), f"From {path.name}", "")
            except (InvalidDatasetError, DatasetTakenError, UploadTooLargeError) as error:
                raise DatasetUnavailableError(f"{path}: {error}") from error
            return info
        if stored is None:
            names = [*CATALOGUE, *sorted(map(str, await self._redis.hkeys(DATASETS)))]
            raise UnknownDatasetError(name, names)
        return DatasetInfo.model_validate_json(stored)

    async def add(self, name: str, content: bytes, description: str, submitter: str) -> tuple[DatasetInfo, bool]:
        """Add a data set from an uploaded archive. Return it, and whether it is new.

        Args:
            name: Its name.
            content: The archive, see `shared.datasets.uploads`.
            description: What it contains.
            submitter: Name of the API key, whose stored bytes it counts for; empty if there are no keys.

        Raises:
            InvalidDatasetError: The archive does not contain a data set.
            DatasetTakenError: The name belongs to another content, or the content has another name.
            UploadTooLargeError: It does not fit into the space that data sets, or those of this API key, may occupy.
        """
        upload, packed, sha256 = await asyncio.to_thread(_read, content)
        if name in CATALOGUE:
            raise DatasetTakenError(f"The name {name} belongs to a built-in data set: choose another one.")
        if len(packed) > MAX_BYTES:
            raise UploadTooLargeError(
                f"A data set may occupy {MAX_BYTES / 1e6:,.0f} MB, compressed. This one needs {len(packed) / 1e6:,.1f}."
            )
        created_at = datetime.fromtimestamp(await server_time_async(self._redis) / 1e6, UTC)
        info = _describe(name, upload, sha256).model_copy(
            update={
                "description": description,
                "stored_bytes": len(packed),
                "submitter": submitter,
                "created_at": created_at,
            }
        )
        key = new_upload()
        for first in range(0, len(packed), PIECE_BYTES):
            await self._redis.rpush(key, packed[first : first + PIECE_BYTES])
            await self._redis.expire(key, UPLOAD_SECONDS)
        try:
            reply = await self._functions.call(
                Function.ADD_DATASET,
                name=name,
                info=info.model_dump_json(),
                upload=key,
                max_stored_bytes=self._max_stored_bytes,
                max_dataset_bytes=self._max_dataset_bytes,
            )
        finally:
            await self._redis.delete(key)  # it no longer exists if it was added
        _raise_if_refused(reply, name)
        stored = await self._redis.hget(DATASETS, name)
        return DatasetInfo.model_validate_json(stored) if stored else info, reply == ["added"]

    async def delete(self, name: str) -> None:
        """Remove a data set.

        Raises:
            UnknownDatasetError: No data set has this name.
            DatasetNeededError: It is built in, or a sweep needs it.
        """
        if name in CATALOGUE:
            raise DatasetNeededError(f"The data set {name} is built in and cannot be deleted.")
        match await self._functions.call(Function.DELETE_DATASET, name=name):
            case ["missing"]:
                await self.find(name)
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
        case ["refused", limit, stored, allowed, size]:
            whose = "all data sets" if limit == "max_dataset_bytes" else "the sweeps and data sets of this API key"
            raise UploadTooLargeError(
                f"There is no room for {size / 1e6:,.1f} MB: {whose} occupy {stored / 1e6:,.1f} MB of "
                f"{allowed / 1e6:,.1f} MB. Delete data sets or sweeps that are no longer needed."
            )
