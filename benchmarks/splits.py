"""The two tables of patients and their one split into rows to learn and rows to judge by."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

import pandas as pd

TARGET: Final = "target"
TRAIN_SHARE: Final = 0.7
#: A column with no more distinct values than this is told to the peers as discrete.
DISCRETE_VALUES: Final = 10
_HEART: Final = Path("heart") / "heart_kaggle_303.csv"


@final
@dataclass(frozen=True)
class Split:
    """A real table, split.

    Parameters
    ----------
    name : str
        Of the table.
    train, holdout : DataFrame
        The rows that every method learns, and the rows that none sees.
    """

    name: str
    train: pd.DataFrame
    holdout: pd.DataFrame

    @property
    def discrete(self) -> list[str]:
        """Columns with few distinct values, by the training rows alone."""
        return [str(name) for name in self.train if self.train[name].nunique() <= DISCRETE_VALUES]


def available() -> tuple[str, ...]:
    """Names of the tables."""
    return tuple(_TABLES)


def table(name: str) -> pd.DataFrame:
    """Read a whole table.

    Raises
    ------
    FileNotFoundError
        The folder with the data is not there.
    """
    return _TABLES[name]()


def split(name: str) -> Split:
    """Shuffle a table with `sample(frac=1, random_state=1)` and cut it after the first 70 %."""
    rows = table(name).sample(frac=1, random_state=1).reset_index(drop=True)
    cut = int(TRAIN_SHARE * len(rows))
    return Split(name, rows[:cut].reset_index(drop=True), rows[cut:].reset_index(drop=True))


def _heart() -> pd.DataFrame:
    """Heart Disease, Cleveland: 303 x 14. Source: Janosi et al. 1989, doi:10.24432/C52P4X (UCI 45)."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("SYNTHETIC_HEALTHCARE_DATA", beside))
    if not (folder / _HEART).is_file():
        raise FileNotFoundError(
            f"{_HEART} is not in {folder}: set SYNTHETIC_HEALTHCARE_DATA to the folder with the data, "
            "or leave heart out with --tables wdbc"
        )
    return pd.read_csv(folder / _HEART)


def _wdbc() -> pd.DataFrame:
    """Breast Cancer Wisconsin (Diagnostic), 569 x 31. Source: Street et al. 1993, doi:10.1117/12.148698."""
    from sklearn.datasets import load_breast_cancer

    rows: pd.DataFrame = load_breast_cancer(as_frame=True).frame
    return rows


_TABLES: Final[dict[str, Callable[[], pd.DataFrame]]] = {"heart": _heart, "wdbc": _wdbc}
