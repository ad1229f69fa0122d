"""Response bodies for data sets."""

from pydantic import BaseModel, ConfigDict, Field

from noisesweep.models.config import DatasetSlug


class DatasetInfo(BaseModel):
    """Description of a data set."""

    model_config = ConfigDict(frozen=True)

    name: DatasetSlug = Field(description="Value of `dataset` in a request.", examples=["mnist"])
    description: str = Field(
        description="Content, origin and preprocessing of the images.", examples=["Handwritten digits ..."]
    )
    licence: str = Field(description="Licence of the data set.", examples=["CC BY-SA 3.0"])
    citation: str = Field(
        description="Reference to cite in publications.", examples=["LeCun, Y., Bottou, L., Bengio, Y., ..."]
    )
    image_shape: tuple[int, int] = Field(description="Height and width of an image, in pixels.", examples=[(28, 28)])
    classes: int = Field(
        description="Number of classes. Random guessing has an accuracy of 1 / classes.", examples=[10]
    )
    class_names: list[str] = Field(
        description="Name of each class, in the order of the labels.", examples=[["0", "1", "2"]]
    )
    training_images: int = Field(description="Number of training images.", examples=[60_000])
    validation_images: int = Field(
        description="Number of validation images. They are never used for training.", examples=[10_000]
    )
    sha256: str = Field(
        description="SHA-256 of the decoded arrays: training images, training labels, validation images, "
        "validation labels, each as unsigned bytes in row-major order.",
        examples=["06b0d1f124c4e5fa796686ade41a9b778edacc8622f2195a352ef479ad44fc16"],
    )


class DatasetList(BaseModel):
    """Available data sets."""

    datasets: list[DatasetInfo] = Field(description="All data sets that a sweep can use.")
