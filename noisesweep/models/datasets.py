"""Data sets: what they contain, and the bodies of responses about them."""

import hashlib
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from noisesweep.models.text import DATASET_SLUG, Shown

MAX_CLASSES = 100

# The service checks if the data set exists, because only the service has the catalogue.
DatasetSlug = Annotated[
    str,
    Field(
        pattern=DATASET_SLUG,
        description="Name of a data set. GET /datasets lists the available ones.",
        examples=["mnist"],
    ),
]


# A plain list in the schema: not every tool knows the form of tuples.
_PAIR = {"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 2}
ImageShape = Annotated[
    tuple[int, int],
    WithJsonSchema({**_PAIR, "description": "Height and width of an image, in pixels.", "examples": [[28, 28]]}),
]


class DatasetFacts(BaseModel):
    """Content of a data set, in numbers and names."""

    model_config = ConfigDict(frozen=True)

    name: DatasetSlug = Field(description="Value of `dataset` in a request.", examples=["mnist"])
    image_shape: ImageShape
    classes: int = Field(
        ge=2, description="Number of classes. Random guessing has an accuracy of 1 / classes.", examples=[10]
    )
    class_names: list[Shown] = Field(
        description="Name of each class, in the order of the labels.", examples=[["0", "1", "2"]]
    )
    training_images: int = Field(description="Number of training images.", examples=[60_000])
    validation_images: int = Field(
        description="Number of validation images. They are never used for training.", examples=[10_000]
    )
    validation_counts: list[int] = Field(
        description="Number of validation images of each class.", examples=[[980, 1135]]
    )
    sha256: str = Field(
        description="SHA-256 of the decoded arrays: training images, training labels, validation images, "
        "validation labels, each as unsigned bytes in row-major order.",
        examples=["06b0d1f124c4e5fa796686ade41a9b778edacc8622f2195a352ef479ad44fc16"],
        pattern="^[0-9a-f]{64}$",
    )

    @property
    def content(self) -> tuple[object, ...]:
        """Return what identifies the arrays. Their hash covers their bytes, not their shapes."""
        return self.sha256, self.image_shape, self.training_images

    @property
    def state(self) -> str:
        """Return 12 hexadecimal digits that change with any part of the description, for ETags."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:12]


class DatasetInfo(DatasetFacts):
    """Description of a data set."""

    description: Shown = Field(
        description="Content, origin and preprocessing of the images; empty if unknown.",
        examples=["Handwritten digits ..."],
    )
    licence: str = Field(description="Licence of the data set; empty if unknown.", examples=["CC BY-SA 3.0"])
    citation: str = Field(
        description="Reference to cite in publications; empty if unknown.",
        examples=["LeCun, Y., Bottou, L., Bengio, Y., ..."],
    )
    training_counts: list[int] = Field(description="Number of training images of each class.", examples=[[5923, 6742]])
    stored_bytes: int = Field(
        default=0, description="Size in the store, compressed, in bytes; 0 for a built-in data set.", examples=[0]
    )
    submitter: str | None = Field(
        default=None,
        description="Name of the API key that added it; empty without API keys, null for a built-in data set.",
        examples=[None],
    )
    created_at: datetime | None = Field(
        default=None,
        description="Time when it was added, UTC; null for a built-in data set.",
        examples=["2026-03-02T09:00:00.123456Z"],
    )

    @property
    def facts(self) -> DatasetFacts:
        """Return only the content."""
        return DatasetFacts.model_validate(self.model_dump(include=set(DatasetFacts.model_fields)))


class SheetClass(BaseModel):
    """Class of a data set, and the images of it that a contact sheet shows."""

    label: int = Field(description="The label, from 0.", examples=[7])
    name: Shown = Field(description="Name of the class.", examples=["7"])
    training_images: int = Field(description="Number of training images of the class.", examples=[6265])
    validation_images: int = Field(description="Number of validation images of the class.", examples=[1028])
    indices: list[int] = Field(description="Indices of the training images that are shown.", examples=[[15, 29, 38]])


class ContactSheet(BaseModel):
    """Contact sheet of a data set: the first training images of each class."""

    dataset: DatasetSlug = Field(description="The data set.", examples=["mnist"])
    classes: list[SheetClass] = Field(description="The classes, by label.")


class DatasetList(BaseModel):
    """Available data sets."""

    datasets: list[DatasetInfo] = Field(description="All data sets that a sweep can use.")
