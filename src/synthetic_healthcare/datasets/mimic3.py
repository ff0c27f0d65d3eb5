"""`load_mimic3`: MIMIC-III as one row per stay in intensive care, from a folder of its CSV files."""

from __future__ import annotations

from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Final

from synthetic_healthcare.datasets.dataset import Dataset
from synthetic_healthcare.datasets.mimic.cohort import TARGETS
from synthetic_healthcare.datasets.mimic.folder import ID, MimicFolder
from synthetic_healthcare.datasets.mimic.schema import in_dtypes, schema_of
from synthetic_healthcare.datasets.mimic.table import CohortOptions, build_table
from synthetic_healthcare.datasets.mimic.terms import (
    CITATION,
    DEMO_ATTRIBUTION,
    TERMS,
    is_demo,
    require_terms,
)
from synthetic_healthcare.datasets.registry import MIMIC, MIMIC_ABOUT
from synthetic_healthcare.errors import ConfigError
from synthetic_healthcare.progress import Progress, Silent
from synthetic_healthcare.rules import RulePack
from synthetic_healthcare.schema.spelling import unknown

_USUAL_TARGET: Final = "hospital_death"


def load_mimic3(
    path: Path,
    *,
    target: str | None = None,
    accept_terms: bool = False,
    progress: Progress | None = None,
    options: CohortOptions | None = None,
) -> Dataset:
    """Build one row per stay in intensive care from a folder of MIMIC-III 1.4 files.

    The features are of the first 24 hours; docs/mimic.md lists them, and what is left out because it tells
    the outcome. CHARTEVENTS (330 million rows in the full set) is streamed in bounded memory.

    Parameters
    ----------
    path : Path
        The folder of the CSV files (.csv or .csv.gz), of the full set or of the open demo.
    target : str or None
        "hospital_death" (also where it is `None`), "icu_death", "death_30_days", "long_stay" (more than 3
        days) or "readmission_30_days" (missing for who died in the unit). The others are not in the table.
    accept_terms : bool, default False
        That you hold to the terms of the credentialed data. The open demo needs no acceptance.
    progress : Progress, optional
        Default: silence.
    options : CohortOptions, optional
        Which stays become rows.

    Raises
    ------
    ConfigError
        The target is unknown, or the terms of the credentialed data, which the message holds, were not
        accepted.
    DataError
        A file or column is missing or damaged, or no stay is left.
    """
    chosen = _USUAL_TARGET if target is None else target
    if chosen not in TARGETS:
        raise ConfigError(unknown("target of MIMIC-III", chosen, TARGETS))
    folder = MimicFolder(Path(path), progress or Silent())
    demo = is_demo(folder.read("PATIENTS", {"subject_id": ID})["subject_id"])
    if not demo:
        require_terms(accepted=accept_terms)
    built = build_table(folder, target=chosen, options=options or CohortOptions())
    schema = schema_of(built, target=chosen)
    about = replace(
        MIMIC_ABOUT,
        licence=DEMO_ATTRIBUTION if demo else TERMS,
        citation=CITATION,
        notes=(
            "One row per stay in intensive care, features of the first 24 hours; docs/mimic.md lists them.",
            *(("Every patient of the demo has died, sooner or later.",) if demo else ()),
            *MIMIC_ABOUT.notes,
        ),
    )
    return Dataset("mimic-iii-demo" if demo else MIMIC, in_dtypes(built, schema), schema, about)


def mimic3_rules() -> RulePack:
    """Return the clinical rules that the table's rows keep."""
    packaged = resources.files("synthetic_healthcare.datasets") / "rules" / "mimic3.yaml"
    return RulePack.from_yaml(packaged.read_text(encoding="utf-8"))
