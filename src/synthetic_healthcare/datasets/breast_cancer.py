"""Breast Cancer Wisconsin (Diagnostic), as scikit-learn ships it: nothing is downloaded."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from synthetic_healthcare.datasets.dataset import About, Recipe
from synthetic_healthcare.datasets.declaring import Declared, coded, measured
from synthetic_healthcare.errors import DataError
from synthetic_healthcare.schema.schema import Schema

if TYPE_CHECKING:
    import pandas as pd

#: Measure -> meaning, unit and upper end. The ends are round figures from what the measures are: outlines of
#: nuclei of at most 50 pixels of radius give perimeters and areas; the others are shares or ratios near them.
_MEASURES: Final[Mapping[str, tuple[str, str | None, float]]] = {
    "radius": ("distance from the centre to the outline", "pixels", 50.0),
    "texture": ("standard deviation of the grey values", "grey levels", 100.0),
    "perimeter": ("length of the outline", "pixels", 400.0),
    "area": ("area inside the outline", "pixels2", 8000.0),
    "smoothness": ("local variation of the radius", None, 1.0),
    "compactness": ("perimeter squared by area, less 1", None, 4.0),
    "concavity": ("depth of the concave parts", None, 2.0),
    "concave points": ("share of the outline that is concave", None, 1.0),
    "symmetry": ("difference of lengths across the axis", None, 1.0),
    "fractal dimension": ("coastline approximation, less 1", None, 1.0),
}


def _columns() -> tuple[Declared, ...]:
    parts = []
    for form, what in (
        ("mean {}", "mean of the nuclei"),
        ("{} error", "standard error"),
        ("worst {}", "mean of the three largest"),
    ):
        for name, (meaning, unit, top) in _MEASURES.items():
            # Popoviciu 1935: a standard deviation is at most half of the range; so is the error of a mean.
            high = top / 2 if form == "{} error" else top
            parts.append(
                measured(form.format(name), f"{meaning}; {what}", (0.0, high), role="sensitive", unit=unit)
            )
    labels: dict[str | int | float | bool, str] = {"benign": "benign", "malignant": "malignant"}
    return (*parts, coded("diagnosis", "diagnosis by cytology", labels, role="target"))


def _read(path: Path | None) -> pd.DataFrame:
    from sklearn.datasets import load_breast_cancer

    if path is not None:
        raise DataError("'breast-cancer' ships with scikit-learn and is read from there: leave out the path")
    loaded = load_breast_cancer(as_frame=True)
    names = dict(enumerate(loaded.target_names))
    patients: pd.DataFrame = loaded.data.assign(diagnosis=loaded.target.map(names).astype(object))
    return patients


_COLUMNS: Final = _columns()

RECIPES: Final[Mapping[str, Recipe]] = {
    "breast-cancer": Recipe(
        name="breast-cancer",
        about=About(
            title="Breast Cancer Wisconsin (Diagnostic)",
            licence="CC BY 4.0",
            citation=(
                "Wolberg, Mangasarian, Street, Street 1993. Breast Cancer Wisconsin (Diagnostic). "
                "UCI Machine "
                "Learning Repository. doi:10.24432/C5DW2B. Street, Wolberg, Mangasarian 1993, "
                "doi:10.1117/12.148698"
            ),
            source="sklearn.datasets.load_breast_cancer; UCI 17",
            notes=(
                "Radius, perimeter and area nearly say the same: correlations of at least 0.987.",
                "13 rows have concavity 0.",
                "There is no quasi-identifier; UCI's column of patient numbers is not shipped.",
            ),
            dictionary=tuple(part.note for part in _COLUMNS),
            datasheet=(
                ("What is a row?", "One breast mass, by an image of its aspirated cells."),
                ("Who?", "569 patients of one surgeon at the University of Wisconsin."),
                ("What was left out?", "Age, sex and everything else about the patients."),
                ("What for?", "Teaching and method work on small tables of correlated numbers."),
                ("What not for?", "Diagnosis: one place, one microscope, 37 % malignant by selection."),
            ),
        ),
        read=_read,
        schema=Schema(tuple(part.column for part in _COLUMNS)),
        rows=569,
        columns=tuple(part.column.name for part in _COLUMNS),
        content="f3fac7fc097dc9c4e32fe9a8bb01dc5fcf74186918f5752f13f2434e54cd129d",
    ),
}
