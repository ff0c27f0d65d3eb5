"""`TransformConfig`: how a table is turned into numbers, and what is protected on the way."""

from __future__ import annotations

from typing import Literal, final

from pydantic import BaseModel, ConfigDict, Field


@final
class TransformConfig(BaseModel):
    """Settings of the transforms; every default lives here and nowhere else.

    Parameters
    ----------
    numeric : {"quantile", "modes"}
        How plain numbers and dates are encoded: a learned quantile function to a normal score, or one mode of
        a Gaussian mixture and a score within it.
    rare_floor : int
        Patients that a learned value must be held by. A value, category, code, limit or extreme that fewer
        patients hold is merged or resampled and is not stored.
    knots : int
        Most heaped values of a column that are kept as they are, and most points of the quantile function
        between them, each a mean of at least `rare_floor` values.
    spike_share : float
        Share of a column from which one value counts as a point mass (zero inflation, a pile at the limit of
        detection) and becomes a state of its own, where it stands out from the values beside it and
        lies at an edge of the column (or is held by a quarter of the patients).
    spike_distinct : int
        Point masses are looked for in columns with more distinct values than this; others keep them as heaps.
    max_spikes : int
        Most point masses of a column.
    max_modes : int
        Most components of the Gaussian mixture ("modes" only).
    modes_rows : int
        Rows that the mixture is fitted on, a random subsample where there are more ("modes" only).
    max_categories : int
        Most categories of a column, and most codes of a codes column.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    numeric: Literal["quantile", "modes"] = "quantile"
    rare_floor: int = Field(default=5, ge=1)
    knots: int = Field(default=128, ge=8)
    spike_share: float = Field(default=0.1, gt=0, le=1)
    spike_distinct: int = Field(default=20, ge=1)
    max_spikes: int = Field(default=4, ge=0)
    max_modes: int = Field(default=10, ge=1)
    modes_rows: int = Field(default=4000, ge=50)
    max_categories: int = Field(default=1000, ge=2)
