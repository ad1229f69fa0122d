"""Links: paths of resources in answers."""

from typing import Annotated

from pydantic import BaseModel, PlainSerializer, SerializationInfo


def _below_root(path: str, info: SerializationInfo) -> str:
    root_path: str = (info.context or {}).get("root_path", "")
    return root_path + path


Link = Annotated[str, PlainSerializer(_below_root)]


def to_json(model: BaseModel, root_path: str) -> str:
    """Return the model as JSON. Its links start with the path below which a proxy serves the service; "" for none."""
    return model.model_dump_json(context={"root_path": root_path})
