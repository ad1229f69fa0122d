"""Reader of records in the store."""

import logging
from collections.abc import Iterable
from typing import TypeVar

from pydantic import BaseModel, ValidationError

logger = logging.getLogger(__name__)
Record = TypeVar("Record", bound=BaseModel)


def readable(model: type[Record], records: Iterable[str]) -> list[Record]:
    """Return the records (JSON) that can be read. One that cannot does not affect the others, and is logged."""
    read = []
    for record in records:
        try:
            read.append(model.model_validate_json(record))
        except ValidationError as error:
            logger.warning(
                "Skipped a %s in the store that cannot be read: %d errors", model.__name__, error.error_count()
            )
    return read
