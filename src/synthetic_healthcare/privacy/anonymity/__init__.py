"""k-anonymity, l-diversity and t-closeness: guarantees on a table, made and counted again."""

from synthetic_healthcare.privacy.anonymity.guarantees import anonymize, check_anonymity
from synthetic_healthcare.privacy.anonymity.report import AnonymityReport
from synthetic_healthcare.privacy.anonymity.requirement import Requirement
from synthetic_healthcare.privacy.anonymity.settings import KAnonymity, LDiversity, TCloseness

__all__ = [
    "AnonymityReport",
    "KAnonymity",
    "LDiversity",
    "Requirement",
    "TCloseness",
    "anonymize",
    "check_anonymity",
]
