"""CHARTEVENTS and LABEVENTS, streamed; each batch is filtered by itemid before anything else is done."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from synthetic_healthcare.datasets.aggregation import Statistic, Tally
from synthetic_healthcare.datasets.mimic.concepts import CHARTED, COMA, MEASURED, Concept
from synthetic_healthcare.datasets.mimic.folder import ID, INSTANT, NUMBER, TEXT, MimicFolder
from synthetic_healthcare.datasets.mimic.signs import CHARTED_SIGNS, SignReader
from synthetic_healthcare.datasets.mimic.units import Dictionary
from synthetic_healthcare.datasets.mimic.windows import Windows

Numbers = npt.NDArray[np.float64]
Positions = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

_STATISTICS: Final[tuple[Statistic, ...]] = ("min", "max", "mean", "first", "last", "count")
#: Concepts whose values are kept one by one: the scores pair those of one moment.
PAIRED: Final = frozenset({"gcs_eye", "gcs_verbal", "gcs_motor", "fio2", "gas_fio2", "po2"})


@final
@dataclass(frozen=True)
class Readings:
    """Numbers within windows, in their units; all arrays have the same length.

    Parameters
    ----------
    stays, places : int array
        Positions of the stay and of the concept.
    values, seconds : float array
        The number (missing where it is no measurement) and when it was.
    tubes : bool array
        Whether the value says that the patient is intubated.
    """

    stays: Positions
    places: Positions
    values: Numbers
    seconds: Numbers
    tubes: Flags

    def where(self, keep: Flags) -> Readings:
        """Return those that are kept."""
        return Readings(
            self.stays[keep], self.places[keep], self.values[keep], self.seconds[keep], self.tubes[keep]
        )


_NONE: Final = Readings(
    np.zeros(0, dtype=np.int64),
    np.zeros(0, dtype=np.int64),
    np.zeros(0),
    np.zeros(0),
    np.zeros(0, dtype=bool),
)


@final
@dataclass
class Gathered:
    """What a stream of readings leaves behind.

    Parameters
    ----------
    concepts : tuple of Concept
        In the order of the tally.
    tally : Tally
        Their statistics per stay.
    kept : list of Readings
        The readings of `PAIRED` concepts.
    signs : dict of str to bool array (stays,)
        What was seen to be done to each patient.
    """

    concepts: tuple[Concept, ...]
    tally: Tally
    kept: list[Readings] = field(default_factory=list)
    signs: dict[str, Flags] = field(default_factory=dict)

    def take(self, readings: Readings) -> None:
        """Count readings in."""
        seconds = readings.seconds.astype(np.int64)
        self.tally.add(readings.stays, readings.places, readings.values, order=seconds)
        paired = [place for place, concept in enumerate(self.concepts) if concept.name in PAIRED]
        keep = np.isin(readings.places, paired) & (~np.isnan(readings.values) | readings.tubes)
        if keep.any():
            self.kept.append(readings.where(keep))

    def values(self, concept: str, statistic: Statistic) -> npt.NDArray[np.float64]:
        """One statistic of one concept, shape (stays,)."""
        place = [each.name for each in self.concepts].index(concept)
        return self.tally.values(statistic)[:, place]

    def readings(self, concept: str) -> Readings:
        """The kept readings of one concept."""
        place = [each.name for each in self.concepts].index(concept)
        masks = [part.places == place for part in self.kept]
        parts = [_NONE, *(part.where(mask) for part, mask in zip(self.kept, masks, strict=True))]
        return Readings(
            stays=np.concatenate([part.stays for part in parts]),
            places=np.concatenate([part.places for part in parts]),
            values=np.concatenate([part.values for part in parts]),
            seconds=np.concatenate([part.seconds for part in parts]),
            tubes=np.concatenate([part.tubes for part in parts]),
        )


def gather_chart(folder: MimicFolder, windows: Windows) -> Gathered:
    """Read CHARTEVENTS: vital signs, coma scale, weight and height, ventilator, oxygen, and signs."""
    concepts = (*CHARTED, *COMA)
    gathered = Gathered(concepts, Tally(len(windows), len(concepts), statistics=_STATISTICS))
    gathered.signs = {sign.name: np.zeros(len(windows), dtype=bool) for sign in CHARTED_SIGNS}
    for readings in stream_chart(folder, windows, concepts, signs=gathered.signs):
        gathered.take(readings)
    return gathered


def gather_laboratory(folder: MimicFolder, windows: Windows) -> Gathered:
    """Read LABEVENTS: blood, blood gas."""
    gathered = Gathered(MEASURED, Tally(len(windows), len(MEASURED), statistics=_STATISTICS))
    for readings in stream_laboratory(folder, windows, MEASURED):
        gathered.take(readings)
    return gathered


def stream_chart(
    folder: MimicFolder, windows: Windows, concepts: Sequence[Concept], *, signs: dict[str, Flags]
) -> Iterator[Readings]:
    """Give the charted numbers of concepts within windows, and mark in `signs` what else is seen."""
    columns = {
        "hadm_id": ID,
        "icustay_id": ID,
        "itemid": ID,
        "charttime": INSTANT,
        "value": TEXT,
        "valuenum": NUMBER,
        "error": ID,
    }
    dictionary = Dictionary(concepts)
    reader = SignReader(CHARTED_SIGNS)
    tube = [sign.name for sign in CHARTED_SIGNS].index("gcs_intubated")
    wanted = _wanted(
        {*(i for c in concepts for i in c.itemids), *(i for s in CHARTED_SIGNS for i in s.itemids)}
    )
    for batch in folder.stream("CHARTEVENTS", columns):
        items = whole(batch, "itemid")
        keep = wanted[np.clip(items, 0, len(wanted) - 1)]
        keep &= numbers(batch, "error") != 1
        batch, items = batch.filter(pa.array(keep)), items[keep]
        values, seconds = numbers(batch, "valuenum"), numbers(batch, "charttime")
        seen = reader.read(items, batch.column(batch.schema.get_field_index("value")), values)
        ids = (numbers(batch, "icustay_id"), numbers(batch, "hadm_id"))
        for rows, stays in windows.by_stay(*ids, seconds):
            for place, sign in enumerate(CHARTED_SIGNS):
                signs[sign.name][stays[seen[place, rows]]] = True
            yield _readings(dictionary, items[rows], values[rows], seconds[rows], stays, seen[tube, rows])


def stream_laboratory(
    folder: MimicFolder, windows: Windows, concepts: Sequence[Concept]
) -> Iterator[Readings]:
    """Give the laboratory's numbers of concepts within windows."""
    columns = {"hadm_id": ID, "itemid": ID, "charttime": INSTANT, "valuenum": NUMBER}
    dictionary = Dictionary(concepts)
    wanted = _wanted({item for concept in concepts for item in concept.itemids})
    for batch in folder.stream("LABEVENTS", columns):
        items = whole(batch, "itemid")
        keep = wanted[np.clip(items, 0, len(wanted) - 1)]
        batch, items = batch.filter(pa.array(keep)), items[keep]
        values, seconds = numbers(batch, "valuenum"), numbers(batch, "charttime")
        for rows, stays in windows.by_admission(numbers(batch, "hadm_id"), seconds):
            tubes = np.zeros(len(rows), dtype=bool)
            yield _readings(dictionary, items[rows], values[rows], seconds[rows], stays, tubes)


def _readings(
    dictionary: Dictionary,
    items: Positions,
    values: Numbers,
    seconds: Numbers,
    stays: Positions,
    tubes: Flags,
) -> Readings:
    places = dictionary.places(items)
    mine = places >= 0
    converted = dictionary.values(items[mine], values[mine])
    return Readings(stays[mine], places[mine], converted, seconds[mine], tubes[mine])


def whole(batch: pa.RecordBatch, name: str) -> Positions:
    """One column of whole numbers, -1 where missing; shape (n,)."""
    column = batch.column(batch.schema.get_field_index(name))
    return np.asarray(column.fill_null(-1).to_numpy(zero_copy_only=False), dtype=np.int64)


def numbers(batch: pa.RecordBatch, name: str) -> Numbers:
    """One column as numbers, instants as seconds since 1970, NaN where missing; shape (n,)."""
    column = batch.column(batch.schema.get_field_index(name))
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.int64())
    return np.asarray(column.cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)


def _wanted(itemids: set[int]) -> Flags:
    """Whether an itemid is read, by itemid; the last entry and the first stand for all others."""
    table = np.zeros(max(itemids) + 2, dtype=bool)
    table[list(itemids)] = True
    return table
