"""Accuracy of networks that were trained on one kind of noise and tested with another."""

from pydantic import BaseModel, ConfigDict, Field

from noisesweep.models.config import Scale
from noisesweep.models.noise_kinds import NoiseKind
from noisesweep.models.statistics import Interval
from noisesweep.models.text import Shown


class TransferRow(BaseModel):
    """Networks of one sweep that were trained at one scale."""

    model_config = ConfigDict(frozen=True)

    sweep_id: str = Field(description="Id of the sweep.", examples=["5f0c6a1e9b3d2748"])
    noise: NoiseKind = Field(description="Kind of noise of the sweep.", examples=["gaussian"])
    scale: Scale
    val_accuracy: list[Interval | None] = Field(
        description="Accuracy with the noise of each row, in their order. Null if the networks were not tested with it."
    )


class Transfer(BaseModel):
    """Table of training noise (rows) and test noise (columns). Column j has the noise of row j."""

    model_config = ConfigDict(frozen=True)

    rows: list[TransferRow] = Field(description="One row per sweep, in the order of the request.")
    sentence: Shown = Field(
        description="The largest and the smallest loss with noise that was not trained on.",
        examples=["No network was tested with the noise of another sweep."],
    )
    remarks: list[Shown] = Field(description="What is missing in the table, and how to get it.")
