"""`TrainingConfig`: how long, how fast and where a model is trained."""

from __future__ import annotations

import math
from typing import Final, Literal, final

from pydantic import BaseModel, ConfigDict, Field

#: Fewest updates in an epoch, however small the table: 100 epochs of 300 rows must train properly.
UPDATES_PER_EPOCH: Final = 15
#: Epochs where nothing else is asked for, as far as they come to no more updates than the next line says.
DEFAULT_EPOCHS: Final = 100
DEFAULT_UPDATES: Final = 5000


@final
class TrainingConfig(BaseModel):
    """Settings of the trainer; the same for every model.

    An epoch is one pass over the training rows and at least 15 updates, whichever is more; an update is one
    round of the model's schedule (for a GAN: its critic steps and one generator step).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    epochs: int | None = Field(
        None,
        ge=1,
        description="passes over the rows, of 15 updates at least; default: 100, up to 5,000 updates",
    )
    updates: int | None = Field(None, ge=1, description="updates in all, whatever the epochs come to")
    max_seconds: float | None = Field(None, gt=0, description="stop at the first update after this")
    batch_size: int | None = Field(None, ge=2, description="rows in a batch; default: 64, more for many rows")
    ema_decay: float = Field(0.995, ge=0, lt=1, description="decay of the average of the sampler's weights")
    validation_share: float = Field(
        0.1, ge=0, le=0.5, description="share of the training rows that only choose the best moment; 0: none"
    )
    checks: int = Field(20, ge=1, description="how often the two-sample score is taken")
    patience: int | None = Field(8, ge=1, description="checks without a better score before it stops")
    checkpoint_every: int = Field(100, ge=1, description="updates between two checkpoints")
    precision: Literal["float32", "bf16"] = Field("float32", description="bf16: mixed precision")
    threads: int | None = Field(None, ge=1, description="CPU threads; default: chosen by a short calibration")
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="where to compute")

    def batch_for(self, rows: int) -> int:
        """Batch size for a number of rows: 64, and the square root of the rows (a power of two) beyond."""
        if self.batch_size is not None:
            return self.batch_size
        return int(min(1024, max(64, 2 ** round(math.log2(math.sqrt(max(rows, 1)))))))

    def updates_for(self, rows: int) -> int:
        """Updates in the whole training."""
        if self.updates is not None:
            return self.updates
        epoch = max(UPDATES_PER_EPOCH, math.ceil(rows / self.batch_for(rows)))
        if self.epochs is None:
            return min(DEFAULT_EPOCHS * epoch, DEFAULT_UPDATES)
        return self.epochs * epoch
