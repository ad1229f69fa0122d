"""Models of the data sets."""

from pydantic import BaseModel, ConfigDict, Field

from noisesweep.models.config import DatasetSlug


class DatasetInfo(BaseModel):
    """A data set as the catalogue describes it."""

    model_config = ConfigDict(frozen=True)

    name: DatasetSlug = Field(description="What `dataset` in a request names.", examples=["mnist"])
    description: str = Field(
        description="What it is, where it is from, and what was done to it.", examples=["Handwritten digits ..."]
    )
    licence: str = Field(description="Under which terms it may be used.", examples=["CC BY-SA 3.0"])
    citation: str = Field(description="What to cite.", examples=["LeCun, Y., Bottou, L., Bengio, Y., ..."])
    image_shape: tuple[int, int] = Field(description="Height and width in pixels.", examples=[(28, 28)])
    classes: int = Field(description="Number of labels; chance is an accuracy of 1 / classes.", examples=[10])
    class_names: list[str] = Field(description="What each label stands for, by label.", examples=[["0", "1", "2"]])
    training_images: int = Field(description="Images trained on.", examples=[60_000])
    validation_images: int = Field(description="Images validated on; never trained on.", examples=[10_000])
    sha256: str = Field(
        description="SHA-256 of the decoded arrays: training images, training labels, validation images, "
        "validation labels, each as unsigned bytes in row-major order.",
        examples=["06b0d1f124c4e5fa796686ade41a9b778edacc8622f2195a352ef479ad44fc16"],
    )


class DatasetList(BaseModel):
    """The data sets that a run can train on."""

    datasets: list[DatasetInfo] = Field(description="Each with its size and its hash.")
