"""`SamplingConfig`: what is done to the rows of a model after it has been trained."""

from __future__ import annotations

from typing import final

from pydantic import BaseModel, ConfigDict, Field


@final
class SamplingConfig(BaseModel):
    """Settings of calibration and of pool-and-select; the same for every model.

    Both work on what the model draws, bring it no nearer to the training table than unseen patients are, and
    leave a model alone that is as near as that already.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    calibrate: bool = Field(True, description="map numbers and dates onto their learnt distributions")
    select: bool = Field(False, description="draw more rows than asked for, and keep those that fit together")
    strength: float = Field(
        1.0, ge=0, le=1, description="share of the way to the level of unseen patients; 0: rows as they are"
    )
    pairs: int = Field(200, ge=0, description="most pairs of columns to mend, those that tell most first")
    bins: int = Field(8, ge=2, description="most bins of a number in a pair; fewer where patients are few")
    floor: int = Field(5, ge=1, description="patients that a stored cell of two columns must speak of")
    most_weight: float = Field(
        3.0, ge=1, description="most times that a row may count; about the most rows drawn for each one kept"
    )
    pool_rows: int = Field(20_000, ge=1000, description="rows of the model that the weights are learnt on")
