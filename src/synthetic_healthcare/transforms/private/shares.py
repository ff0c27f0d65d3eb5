"""How the budget of preparing a table is split; every share of a private preparation is decided here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

from synthetic_healthcare.errors import ConfigError

#: Share of the budget's delta that is set aside where categories have to be found.
FAILURE: Final = 0.1
#: Codes of one row that are counted.
CODES_PER_ROW: Final = 8


@final
@dataclass(frozen=True, slots=True)
class Shares:
    """Shares of the whole precision (`PrivateCounts.precision`) that preparing a table may spend.

    Those of the three steps are what they would get if all columns needed them; they are cut in proportion
    to the columns that do, so that a count is as noisy whether one column is undeclared or all are. The rest
    goes to the counts of each column's own values: with everything declared, to these alone.

    Parameters
    ----------
    total : float
        All steps together.
    kinds : float
        What the cells are: numbers (with how many decimals), truth values, dates, codes or text.
    ranges : float
        The range of numbers and dates, on a grid that is the same for every table.
    categories : float
        Categories and codes that enough people share.
    """

    total: float = 1.0
    kinds: float = 0.12
    ranges: float = 0.3
    categories: float = 0.2

    def __post_init__(self) -> None:
        steps = self.kinds + self.ranges + self.categories
        if not (0 < steps < self.total <= 1) or min(self.kinds, self.ranges, self.categories) <= 0:
            raise ConfigError(
                f"shares of the budget are above 0, those of the steps ({steps:g}) together below the total, "
                f"and that at most 1; it is {self.total:g}"
            )

    def scaled(self, share: float) -> Shares:
        """Return the same split of a share of the precision."""
        return Shares(self.total * share, self.kinds * share, self.ranges * share, self.categories * share)
