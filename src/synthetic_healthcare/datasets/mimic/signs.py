"""Signs in the chart that something is done to a patient: that a value is there, or what its text says.

Itemids are those of mimic-code's ventilation and renal replacement concepts (Johnson et al. 2018,
doi:10.1093/jamia/ocx084).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from synthetic_healthcare.datasets.mimic.folder import texts as texts_of


@final
@dataclass(frozen=True)
class Sign:
    """What in CHARTEVENTS shows that something is done.

    Parameters
    ----------
    name : str
        The column of it.
    charted : frozenset of int
        Itemids of which any value is a sign.
    positive : frozenset of int
        Itemids of which a number above zero is one.
    says : Mapping of int to frozenset of str
        Itemid -> texts that are one.
    not_says : Mapping of int to frozenset of str
        Itemid -> the only texts that are none.
    """

    name: str
    charted: frozenset[int] = frozenset()
    positive: frozenset[int] = frozenset()
    says: Mapping[int, frozenset[str]] = field(default_factory=dict)
    not_says: Mapping[int, frozenset[str]] = field(default_factory=dict)

    @property
    def itemids(self) -> frozenset[int]:
        """All its itemids."""
        return self.charted | self.positive | frozenset(self.says) | frozenset(self.not_says)


def _ids(text: str) -> frozenset[int]:
    """Read "436 444 224695-224697"."""
    found: set[int] = set()
    for word in text.split():
        low, _, high = word.partition("-")
        found.update(range(int(low), int(high or low) + 1))
    return frozenset(found)


VENTILATED: Final = Sign(
    "ventilated",
    charted=_ids(
        "445 448-450 1340 1486 1600 224687 639 654 681-684 224684-224686 218 436 535 444 459 224695-224697"
        " 224746 224747 221 1 1211 1655 2000 226873 224738 224419 224750 227187 543 5865 5866 224707 224709"
        " 224705 224706 60 437 505 506 686 220339 224700 3459 501-503 224702 223 667-672 224701 223849"
    ),
    says={467: frozenset({"Ventilator"})},
    not_says={720: frozenset({"Other/Remarks"}), 223848: frozenset({"Other"})},
)
_LINE: Final = frozenset({"Dialysis Line"})
DIALYSIS: Final = Sign(
    "dialysis",
    charted=_ids("146-152 226499 225810 225183 227438 225806 225807 226457"),
    positive=_ids("224144-224154 224191"),
    says={
        582: frozenset(
            {"CAVH Start", "CAVH D/C", "CVVHD Start", "CVVHD D/C", "Hemodialysis st", "Hemodialysis end"}
        ),
        **dict.fromkeys((229, 235, 241, 247, 253, 259, 265, 271), _LINE),
    },
)
#: A verbal response that a tube in the windpipe forbids.
INTUBATED: Final = Sign(
    "gcs_intubated",
    says={723: frozenset({"1.0 ET/Trach", "ET/Trach"}), 223900: frozenset({"No Response-ETT"})},
)
CHARTED_SIGNS: Final = (VENTILATED, DIALYSIS, INTUBATED)

#: PROCEDUREEVENTS_MV itemids -> the column.
PROCEDURES: Final[Mapping[str, frozenset[int]]] = {
    "ventilated": frozenset({225792}),
    "dialysis": frozenset({225441, 225802, 225803, 225805, 225809, 225955, 224270}),
}


@final
class SignReader:
    """Says of each charted value which signs it is.

    Parameters
    ----------
    signs : sequence of Sign
        What to look for; the position in it is the sign's number.
    """

    def __init__(self, signs: Sequence[Sign]) -> None:
        self._signs = tuple(signs)
        self._text_items = frozenset(item for sign in signs for item in (*sign.says, *sign.not_says))

    def read(
        self, itemids: npt.NDArray[np.int64], texts: pa.Array, numbers: npt.NDArray[np.float64]
    ) -> npt.NDArray[np.bool_]:
        """Judge values, all arrays of length n; returns shape (signs, n)."""
        there = ~texts.is_null().to_numpy(zero_copy_only=False)
        with np.errstate(invalid="ignore"):
            positive = numbers > 0
        found = np.zeros((len(self._signs), len(itemids)), dtype=bool)
        for place, sign in enumerate(self._signs):
            found[place] = np.isin(itemids, list(sign.charted)) & there
            if sign.positive:
                found[place] |= np.isin(itemids, list(sign.positive)) & positive
        spoken = np.flatnonzero(np.isin(itemids, list(self._text_items)) & there)
        coded = texts.take(pa.array(spoken)).dictionary_encode()
        words = [str(word).strip() for word in texts_of(coded.dictionary)]
        codes = coded.indices.to_numpy(zero_copy_only=False)
        for place, sign in enumerate(self._signs):
            for item, allowed in sign.says.items():
                said = np.array([word in allowed for word in words], dtype=bool)
                _mark(found[place], spoken, codes, itemids == item, said)
            for item, forbidden in sign.not_says.items():
                said = np.array([word not in forbidden for word in words], dtype=bool)
                _mark(found[place], spoken, codes, itemids == item, said)
        return found


def _mark(
    found: npt.NDArray[np.bool_],
    spoken: npt.NDArray[np.int64],
    codes: npt.NDArray[np.int64],
    of_item: npt.NDArray[np.bool_],
    said: npt.NDArray[np.bool_],
) -> None:
    """Mark the rows of one item whose text is among the words that count."""
    mine = of_item[spoken]
    found[spoken[mine]] |= said[codes[mine]]
