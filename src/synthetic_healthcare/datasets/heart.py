"""Heart Disease, Cleveland (UCI 45): the official file, and the two copies that go round on Kaggle.

The copies write other codes. `kaggle_as_uci` turns them back; the mapping follows from joining both files row
by row on the columns that they share, which leaves no ambiguity.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from synthetic_healthcare.datasets.dataset import About, Recipe, RemoteFile
from synthetic_healthcare.datasets.declaring import Declared, coded, graded, measured, whole
from synthetic_healthcare.errors import DataError
from synthetic_healthcare.schema.column import Category
from synthetic_healthcare.schema.schema import Schema

if TYPE_CHECKING:
    import pandas as pd

Codes = dict[Category, str]
_YES_NO: Final[Codes] = {0: "no", 1: "yes"}
_CP: Final[Codes] = {1: "typical angina", 2: "atypical angina", 3: "no angina", 4: "no symptoms"}
_ECG: Final[Codes] = {0: "normal", 1: "ST-T abnormality", 2: "left ventricular hypertrophy"}
_SLOPE: Final[Codes] = {1: "up", 2: "flat", 3: "down"}
_THAL: Final[Codes] = {3: "normal", 6: "fixed defect", 7: "reversible defect"}
_VESSELS: Final[Codes] = {0: "0", 1: "1", 2: "2", 3: "3"}
_DISEASE: Final[Codes] = {
    0: "below 50 % narrowing",
    1: "disease",
    2: "disease",
    3: "disease",
    4: "disease",
}
#: Kaggle's code -> UCI's; `None`: the value is missing in the official file.
KAGGLE_TO_UCI: Final[Mapping[str, Mapping[int, int | None]]] = {
    "cp": {3: 1, 1: 2, 2: 3, 0: 4},
    "restecg": {1: 0, 2: 1, 0: 2},
    "slope": {2: 1, 1: 2, 0: 3},
    "ca": {0: 0, 1: 1, 2: 2, 3: 3, 4: None},
    "thal": {2: 3, 1: 6, 3: 7, 0: None},
}


def kaggle_as_uci(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a Kaggle copy in the official codes, gaps restored; `target` stays (1: no disease)."""
    changed = {
        name: frame[name].map({code: value for code, value in codes.items() if value is not None})
        for name, codes in KAGGLE_TO_UCI.items()
    }
    return frame.assign(**{name: column.astype("Int64") for name, column in changed.items()})


def _kaggle(name: str, labels: Codes) -> Codes:
    """Labels of the copies' codes, in the order of the codes."""
    named: Codes = {}
    for code, official in sorted(KAGGLE_TO_UCI[name].items()):
        named[code] = "missing in the official file" if official is None else labels[official]
    return named


def _columns(*, kaggle: bool) -> tuple[Declared, ...]:
    def codes(name: str, labels: Codes) -> Codes:
        return _kaggle(name, labels) if kaggle else labels

    holes = not kaggle
    steep = coded if kaggle else graded  # The copies write the slopes downside up, beside one another.
    last = (
        coded("target", "no disease: note the direction", {0: "disease", 1: "no disease"}, role="target")
        if kaggle
        else graded("num", "narrowing of the coronary arteries", _DISEASE, role="target")
    )
    vessels = coded if kaggle else graded
    return (
        whole("age", "age", (18, 110), role="quasi", unit="years"),
        coded("sex", "sex", {0: "female", 1: "male"}, role="quasi"),
        coded("cp", "chest pain", codes("cp", _CP), role="sensitive"),
        whole("trestbps", "blood pressure at rest", (50, 300), role="sensitive", unit="mm Hg"),
        whole("chol", "serum cholesterol", (32, 660), role="sensitive", unit="mg/dL"),
        coded("fbs", "fasting glucose above 120 mg/dL", _YES_NO, role="sensitive"),
        coded("restecg", "electrocardiogram at rest", codes("restecg", _ECG), role="sensitive"),
        whole("thalach", "highest heart rate", (40, 250), role="sensitive", unit="beats/min"),
        coded("exang", "angina under exercise", _YES_NO, role="sensitive"),
        measured("oldpeak", "ST depression", (0, 10), role="sensitive", unit="mm", decimals=1),
        steep("slope", "slope of the ST segment", codes("slope", _SLOPE), role="sensitive"),
        vessels("ca", "vessels coloured", codes("ca", _VESSELS), role="sensitive", nullable=holes),
        coded("thal", "thallium scan", codes("thal", _THAL), role="sensitive", nullable=holes),
        last,
    )


def is_kaggle(names: list[str]) -> bool:
    """Whether a header is that of the copies, which call their last column `target`."""
    return "target" in names


def _reader(parts: tuple[Declared, ...]) -> Callable[[Path | None], pd.DataFrame]:
    columns = [part.column for part in parts]

    def read(path: Path | None) -> pd.DataFrame:
        import pandas as pd

        from synthetic_healthcare.tables import cast

        assert path is not None
        names = [column.name for column in columns]
        headed = has_header(path)
        cells = first_line(path).count(",") + 1
        try:
            frame = pd.read_csv(
                path,
                names=None if headed else names,
                na_values=["?"],
                skipinitialspace=True,
                encoding="utf-8",
            )
        except (ValueError, EOFError, OSError) as error:
            raise DataError(f"file {str(path)!r} is not a table of comma-separated values") from error
        if sorted(frame.columns) != sorted(names) or cells != len(names):
            raise DataError(
                f"file {str(path)!r} has other columns than {', '.join(names)}: it is not this dataset"
            )
        return pd.DataFrame({column.name: cast(frame[column.name], column.dtype) for column in columns})

    return read


def has_header(path: Path) -> bool:
    """Whether the first line holds names."""
    return any(character.isalpha() for character in first_line(path))


def first_line(path: Path) -> str:
    """The first line of a file of text."""
    try:
        with path.open(encoding="utf-8-sig") as stream:
            return stream.readline(10_000).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"file {str(path)!r} cannot be read as text") from error


_UCI: Final = _columns(kaggle=False)
_COPY: Final = _columns(kaggle=True)
_ABOUT: Final = About(
    title="Heart Disease, Cleveland",
    licence="CC BY 4.0",
    citation=(
        "Janosi, Steinbrunn, Pfisterer, Detrano 1989. Heart Disease. UCI Machine Learning Repository. "
        "doi:10.24432/C52P4X. Detrano et al. 1989, doi:10.1016/0002-9149(89)90524-9"
    ),
    source="https://archive.ics.uci.edu/dataset/45/heart+disease",
    notes=(
        "6 cells are missing, as `?`: 4 of ca, 2 of thal.",
        "restecg 1 is rare: 4 patients.",
        "For a yes or no, predict num > 0; num has 13 patients at 4.",
    ),
    dictionary=tuple(part.note for part in _UCI),
    datasheet=(
        ("What is a row?", "One patient, as seen before angiography."),
        ("Who?", "303 patients referred to coronary angiography at the Cleveland Clinic, 1981 to 1984."),
        ("What was left out?", "62 of the 76 columns of the database; names and numbers of patients."),
        ("What for?", "Teaching and method work on small mixed tables."),
        (
            "What not for?",
            "Care of patients, or claims on people in general: all were referred, 68 % are men.",
        ),
    ),
)
_COPIED: Final = (
    "The codes are the copy's, not the official ones; synthetic_healthcare.datasets.heart.kaggle_as_uci "
    "turns them back.",
    "target 1 means NO disease.",
    "One diseased patient of the official table is absent, one healthy patient stands twice.",
)


def _copy(rows: int, slug: str, content: str, warnings: tuple[str, ...]) -> Recipe:
    about = replace(
        _ABOUT,
        title=f"Heart Disease, Cleveland, the copy of {rows:,} rows",
        licence="unclear: a public copy of a CC BY 4.0 table",
        source=f"https://www.kaggle.com/datasets/{slug} (needs an account)",
        notes=_COPIED,
        warnings=warnings,
        dictionary=tuple(part.note for part in _COPY),
    )
    return Recipe(
        name=f"uci-heart-{rows}",
        about=about,
        read=_reader(_COPY),
        schema=Schema(tuple(part.column for part in _COPY)),
        rows=rows,
        columns=tuple(part.column.name for part in _COPY),
        content=content,
        local=f"heart/heart_kaggle_{rows}.csv",
    )


RECIPES: Final[Mapping[str, Recipe]] = {
    "uci-heart": Recipe(
        name="uci-heart",
        about=_ABOUT,
        read=_reader(_UCI),
        schema=Schema(tuple(part.column for part in _UCI)),
        rows=303,
        columns=tuple(part.column.name for part in _UCI),
        content="c8ab7e398afe72d1b5770fca100ae49a03b8e9b14cc88e540951518c7290da33",
        remote=RemoteFile(
            url="https://archive.ics.uci.edu/static/public/45/heart+disease.zip",
            name="processed.cleveland.data",
            largest=20_000_000,
            member="processed.cleveland.data",
            sha256="a74b7efa387bc9d108d7d0115d831fe9b414b29ae7124f331b622b4efa0427c8",
        ),
        local="heart/processed.cleveland.data",
    ),
    "uci-heart-303": _copy(
        303,
        "ronitf/heart-disease-uci",
        "b63ed173627ae90b85f0f412b2e4c3777e0e3316dc1a2e9b7c94cecf60314eab",
        (),
    ),
    "uci-heart-1025": _copy(
        1025,
        "johnsmith88/heart-disease-dataset",
        "b94dcd084aca2716533a5732aae5c9bf0b5c1d2dd44404581f73193a51a71dcd",
        (
            "the table is 302 distinct rows repeated (723 exact copies). A random split puts the same "
            "patients on both sides: every privacy score, distance and score of prediction on it is "
            "meaningless until it is de-duplicated. Use data.drop_duplicates(), or the dataset 'uci-heart'",
        ),
    ),
}
