"""Comorbidities after Elixhauser, from ICD-9-CM codes.

The groups are those of Elixhauser et al. 1998 (doi:10.1097/00005650-199801000-00004) in the enhanced ICD-9-CM
coding of Quan et al. 2005 (doi:10.1097/01.mlr.0000182534.19832.83). Codes are assigned at discharge: a group
says what the patient had during the stay, not only before it; docs/mimic.md says what follows from that.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import pandas as pd

#: Group -> beginnings of codes without the point; "x" is any digit, "4254-4259" all from the one to the
#: other.
GROUPS: Final[Mapping[str, str]] = {
    "heart_failure": "39891 402x1 404x1 404x3 4254-4259 428",
    "arrhythmia": "4260 42610 42612 42613 4267 4269 4270-4274 4276-4279 7850 99601 99604 V450 V533",
    "valve_disease": "0932 394-397 424 7463-7466 V422 V433",
    "pulmonary_circulation": "4150 4151 416 4170 4178 4179",
    "vascular_disease": "0930 4373 440 441 4431-4439 4471 5571 5579 V434",
    "hypertension": "401",
    "hypertension_complicated": "402-405",
    "paralysis": "3341 342 343 3440-3446 3449",
    "neurological": "3319 3320 3321 3334 3335 33392 334 335 3362 340 341 345 3481 3483 7803 7843",
    "lung_disease": "4168 4169 490-505 5064 5081 5088",
    "diabetes": "2500-2503",
    "diabetes_complicated": "2504-2509",
    "hypothyroidism": "2409 243 244 2461 2468",
    "renal_failure": "403x1 404x2 404x3 585 586 5880 V420 V451 V56",
    "liver_disease": "07022 07023 07032 07033 07044 07054 0706 0709 4560-4562 570 571 5722-5728 5733 5734"
    " 5738 5739 V427",
    "peptic_ulcer": "5317 5319 5327 5329 5337 5339 5347 5349",
    "aids": "042-044",
    "lymphoma": "200-202 2030 2386",
    "metastatic_cancer": "196-199",
    "tumour": "140-172 174-195",
    "arthritis": "446 7010 7100-7104 7108 7109 7112 714 7193 720 725 7285 72889 72930",
    "coagulopathy": "286 2871 2873-2875",
    "obesity": "2780",
    "weight_loss": "260-263 7832 7994",
    "electrolytes": "2536 276",
    "blood_loss_anaemia": "2800",
    "deficiency_anaemia": "2801 2808 2809 281",
    "alcohol": "2652 2911-2913 2915 2918 2919 3030 3039 3050 3575 4255 5353 5710-5713 980 V113",
    "drugs": "292 304 3052-3059 V6542",
    "psychoses": "2938 295 296x4 297 298",
    "depression": "2962 2963 2965 3004 309 311",
}
#: Of two grades the graver one counts alone.
_GRAVER: Final = {
    "hypertension": "hypertension_complicated",
    "diabetes": "diabetes_complicated",
    "tumour": "metastatic_cancer",
}


def comorbidities(codes: pd.DataFrame, admissions: pd.Series) -> pd.DataFrame:
    """Say which groups each admission's codes fall into.

    Parameters
    ----------
    codes : DataFrame (n, 2)
        `hadm_id` and `icd9_code`, text without the point.
    admissions : Series (stays,)
        `hadm_id` of the rows of the result.

    Returns
    -------
    DataFrame (stays, 31) of bool
    """
    distinct = pd.Series(codes["icd9_code"].dropna().unique(), dtype=object)
    text = distinct.str.strip().str.upper().str.replace(".", "", regex=False)
    found = {}
    for name, beginnings in GROUPS.items():
        members = set(distinct[text.str.match(pattern(beginnings))])
        have = set(codes.loc[codes["icd9_code"].isin(members), "hadm_id"])
        found[name] = admissions.isin(have).to_numpy()
    table = pd.DataFrame(found)
    for lighter, graver in _GRAVER.items():
        table[lighter] &= ~table[graver]
    return table


def pattern(beginnings: str) -> re.Pattern[str]:
    """Compile beginnings of codes into one expression."""
    parts: list[str] = []
    for word in beginnings.split():
        low, _, high = word.partition("-")
        if high:
            parts.extend(str(code).zfill(len(low)) for code in range(int(low), int(high) + 1))
        else:
            parts.append(low.replace("x", r"\d"))
    return re.compile("|".join(parts))
