"""Attacks that train the generator again: what it can be made to tell of single patients."""

from synthetic_healthcare.evaluation.certify.certify import certify
from synthetic_healthcare.evaluation.certify.options import CertifyOptions
from synthetic_healthcare.evaluation.certify.result import Certificate, RecordRisk

__all__ = ["Certificate", "CertifyOptions", "RecordRisk", "certify"]
