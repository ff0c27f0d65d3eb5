"""What the name of a column says of it: identifiers, patients, quasi-identifiers.

The quasi-identifiers follow the identifiers that the Safe Harbor rule limits (45 CFR 164.514(b)(2): dates,
geography, age) and the attributes used in re-identification studies (Sweeney 2000, "Simple Demographics
Often Identify People Uniquely": birth date, sex, ZIP code).
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Final


def _listed(words: str) -> frozenset[str]:
    """Return the words of a line of text."""
    return frozenset(words.split())


#: Words that name a person directly; such a column is never learnt.
_DIRECT: Final = _listed(
    "ssn mrn email phone telephone mobile fax passport uuid guid surname firstname lastname fullname"
    " patientname nin npi iban vin url ip"
)
_DIRECT_PAIRS: Final[frozenset[tuple[str, str]]] = frozenset(
    {
        ("first", "name"),
        ("last", "name"),
        ("full", "name"),
        ("middle", "name"),
        ("given", "name"),
        ("family", "name"),
        ("maiden", "name"),
        ("patient", "name"),
        ("street", "address"),
        ("home", "address"),
        ("nhs", "number"),
        ("medical", "record"),
        ("account", "number"),
        ("license", "number"),
        ("social", "security"),
    }
)
_IDENTIFIER_ENDS: Final[frozenset[str]] = frozenset({"id", "ids", "identifier", "key", "pk"})
#: Names in one word, all lower or upper case, that hide an id ("encounterid").
_RUN_TOGETHER: Final = _listed(
    "encounterid visitid admissionid hadmid stayid icustayid recordid rowid claimid sampleid orderid"
    " providerid episodeid caseid studyid accountid specimenid itemid caregiverid hospitalid patientid"
    " subjectid personid participantid patid"
)
_PATIENT: Final = _listed("subject patient person participant pat member beneficiary case")
_QUASI: Final = _listed(
    "age sex gender race ethnicity ethnic zip zipcode zip3 zip5 postcode postal dob birth birthdate birthday"
    " birthyear yob marital religion language nationality country county city town education income"
    " occupation"
)


def words(name: str) -> tuple[str, ...]:
    """Split a column's name into lower-case words: "SubjectID", "subject_id", "subject-id" alike."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    return tuple(word.lower() for word in re.split(r"[^A-Za-z0-9]+", spaced) if word)


def names_person(name: str) -> bool:
    """Whether the name says that cells name a person directly (a phone number, a surname)."""
    parts = words(name)
    pairs = set(pairwise(parts))
    return any(part in _DIRECT for part in parts) or bool(pairs & _DIRECT_PAIRS)


def names_identifier(name: str) -> bool:
    """Whether the name is that of an identifier of anything ("id", "hadm_id", "id_sample")."""
    parts = words(name)
    return bool(parts) and (
        parts[-1] in _IDENTIFIER_ENDS | _RUN_TOGETHER or parts[0] == "id" or names_patient(name)
    )


def names_patient(name: str) -> bool:
    """Whether the name is that of a patient's identifier ("subject_id", "PatientID", "patientid", "mrn")."""
    parts = words(name)
    if parts in (("mrn",), ("patientid",), ("subjectid",), ("personid",), ("patid",), ("participantid",)):
        return True
    return (
        len(parts) >= 2 and parts[-2] in _PATIENT and parts[-1] in ("id", "identifier", "number", "no", "key")
    )


def names_quasi_identifier(name: str) -> bool:
    """Whether the name is that of something that a neighbour may know ("age", "sex", "zip_code")."""
    return any(part in _QUASI for part in words(name))
