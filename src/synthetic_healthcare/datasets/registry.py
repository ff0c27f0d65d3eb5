"""Which datasets there are by name, and where their facts stand; a module is loaded when it is asked for."""

from __future__ import annotations

from importlib import import_module
from typing import Final

from synthetic_healthcare.datasets.dataset import About, Recipe
from synthetic_healthcare.errors import DataError
from synthetic_healthcare.schema.spelling import unknown

#: Name -> the module whose `RECIPES` holds it.
_HOMES: Final = {
    "uci-heart": "heart",
    "uci-heart-303": "heart",
    "uci-heart-1025": "heart",
    "cdc-diabetes": "cdc_diabetes",
    "breast-cancer": "breast_cancer",
}
#: Not a file but a folder of tables, from which a cohort is built: `datasets.mimic3.load_mimic3`.
MIMIC: Final = "mimic-iii"

MIMIC_ABOUT: Final = About(
    title="MIMIC-III Clinical Database v1.4 (and its open demo of 100 patients)",
    licence=(
        "full: PhysioNet Credentialed Health Data License 1.5.0 (training and a data use agreement); "
        "demo: Open Database License 1.0"
    ),
    citation=(
        "Johnson, Pollard, Mark 2016. MIMIC-III Clinical Database. PhysioNet. doi:10.13026/C2XW26. "
        "Johnson et al. 2016, Scientific Data 3:160035, doi:10.1038/sdata.2016.35"
    ),
    source="https://physionet.org/content/mimiciii/1.4/ and https://physionet.org/content/mimiciii-demo/1.4/",
    notes=(
        "Give the folder of its CSV files: path=FOLDER, or mimic-iii=FOLDER in a shell. It is not "
        "downloaded.",
        "Rows, models and synthetic rows of the full database fall under its data use agreement.",
    ),
)


def available() -> tuple[str, ...]:
    """Names of the datasets."""
    return (*_HOMES, MIMIC)


def recipe(name: str) -> Recipe:
    """The facts of a dataset that is one file; raises `DataError` for an unknown name."""
    if name not in _HOMES:
        raise DataError(unknown("dataset", name, _HOMES))
    module = import_module(f"synthetic_healthcare.datasets.{_HOMES[name]}")
    found: Recipe = module.RECIPES[name]
    return found


def about(name: str) -> About:
    """What has to be said about a dataset."""
    return MIMIC_ABOUT if name == MIMIC else recipe(name).about
