"""Under which terms a folder of MIMIC-III files may be used, and whether it is the open demo."""

from __future__ import annotations

import hashlib
from typing import Final

import pandas as pd

from synthetic_healthcare.errors import ConfigError

#: SHA-256 of the demo's 100 subject_ids, ascending, joined by commas. They are published with it.
_DEMO: Final = "999564ff49a7973166349825027110d67b2cfe3e4e88d72618580a366cd302a6"

CITATION: Final = (
    "Johnson A, Pollard T, Mark R. MIMIC-III Clinical Database (version 1.4). PhysioNet 2016, "
    "doi:10.13026/C2XW26. Johnson AEW et al. MIMIC-III, a freely accessible critical care database. "
    "Scientific Data 2016;3:160035, doi:10.1038/sdata.2016.35."
)
DEMO_ATTRIBUTION: Final = (
    "Contains information from the MIMIC-III Clinical Database Demo 1.4 (Johnson, Pollard, Mark; PhysioNet, "
    "doi:10.13026/C2HM2Q), which is made available under the Open Database License 1.0 "
    "(https://opendatacommons.org/licenses/odbl/1-0/): attribute it, and share databases derived from it "
    "under the same licence."
)
TERMS: Final = (
    "MIMIC-III is given to credentialed users under the PhysioNet Credentialed Health Data Use Agreement "
    "(https://physionet.org/content/mimiciii/view-dua/1.4/). In short, and not in place of it: you were "
    "credentialed and signed it yourself; you do not try to identify anyone; you neither share the data nor "
    "give others access; you keep them safe and report what looks like an identification. Whether a model or "
    "synthetic rows learnt from them may leave your hands is yours to judge under that agreement."
)


def is_demo(subject_ids: pd.Series[int]) -> bool:
    """Whether patients are exactly the 100 of the open demo.

    A cut of the full set to 100 rows is not taken for the demo, since its patients are others; nor is a part
    of the demo, which cannot be told from a part of the full set.
    """
    listed = ",".join(map(str, sorted(subject_ids.astype(int))))
    return hashlib.sha256(listed.encode()).hexdigest() == _DEMO


def require_terms(*, accepted: bool) -> None:
    """Raise `ConfigError` with the terms where they were not accepted."""
    if not accepted:
        raise ConfigError(
            f"this folder holds MIMIC-III's credentialed data. {TERMS} If that is so, say it with "
            "accept_terms=True, or with --accept-terms in a shell"
        )
