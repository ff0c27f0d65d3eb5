"""Clinical rules: what no patient's row may contradict, checked on real tables and kept in generated ones."""

from synthetic_healthcare.rules.enforce import Enforcement, enforce
from synthetic_healthcare.rules.pack import Rule, RulePack
from synthetic_healthcare.rules.violations import RuleCount, Violations

__all__ = ["Enforcement", "Rule", "RuleCount", "RulePack", "Violations", "enforce"]
