"""`RulePack`: clinical rules that a table of patients must keep."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal, final, get_args

import numpy as np
import numpy.typing as npt

from synthetic_healthcare.errors import RuleError
from synthetic_healthcare.rules.forms import MOST_COMBINATIONS, Combination, Form, distinct, number_jointly
from synthetic_healthcare.rules.reading import Reader, empty_table
from synthetic_healthcare.rules.values import Truth
from synthetic_healthcare.rules.violations import RuleCount, Violations
from synthetic_healthcare.schema.column import UNLEARNT_KINDS
from synthetic_healthcare.schema.spelling import unknown

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from synthetic_healthcare.schema.schema import Schema

Repair = Literal["redraw", "swap", "sort", "clip", "set", "missing"]
Enforce = Literal["always", "as_real", "never"]
REPAIRS: Final[tuple[Repair, ...]] = get_args(Repair)
ENFORCE: Final[tuple[Enforce, ...]] = get_args(Enforce)

#: Patients who must share a combination, or break a rule, before a model may know of it.
FLOOR: Final = 5
#: Share of real rows that break a rule from which on the rule itself is doubtful.
_OFTEN: Final = 0.01


@final
@dataclass(frozen=True)
class Rule:
    """One rule.

    Parameters
    ----------
    name : str
        Unique in its pack; shown in reports.
    form : Form
        What it asks of a row.
    repair : Repair, default "redraw"
        What is done to a generated row that breaks it, before it is drawn anew.
    enforce : Enforce, default "always"
        Whether generated rows always keep it, break it no more often than real ones, or are only counted.
    source : str
        Where the rule comes from: a guideline, a textbook, a definition.
    real_rate : float or None
        How often real rows break it, once that is learnt.
    """

    name: str
    form: Form
    repair: Repair = "redraw"
    enforce: Enforce = "always"
    source: str = ""
    real_rate: float | None = None

    def judge(self, reader: Reader) -> Truth:
        """Say of each row whether it keeps the rule, breaks it, or is not concerned; shape (n,).

        Raises
        ------
        RuleError
            The rule does not fit the table; the rule and the place are named.
        """
        with named(self.name):
            return self.form.judge(reader)


@final
@dataclass(frozen=True)
class RulePack:
    """Rules that a table of patients must keep.

    Parameters
    ----------
    rules : tuple of Rule
        In the order in which they are reported and repaired.

    Raises
    ------
    RuleError
        Two rules of the same name.

    Examples
    --------
    >>> import pandas
    >>> pack = RulePack.from_yaml('''
    ... version: 1
    ... rules:
    ...   pulse pressure:
    ...     holds: diastolic < systolic
    ... ''')
    >>> table = pandas.DataFrame({"systolic": [120, 80, 140], "diastolic": [80, 95, None]})
    >>> found = pack.violations(table)
    >>> found["pulse pressure"].concerned, found["pulse pressure"].violating
    (2, 1)
    """

    rules: tuple[Rule, ...]

    def __post_init__(self) -> None:
        names = [rule.name for rule in self.rules]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise RuleError(f"two rules have the name {twice[0]!r}. Rename one of them")

    def __len__(self) -> int:
        return len(self.rules)

    def __getitem__(self, name: str) -> Rule:
        for rule in self.rules:
            if rule.name == name:
                return rule
        raise RuleError(unknown("rule", name, [rule.name for rule in self.rules]))

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that the rules name."""
        return tuple(dict.fromkeys(column for rule in self.rules for column in rule.form.columns))

    @property
    def is_learnt(self) -> bool:
        """Whether all combinations are known, so that tables can be judged."""
        return all(rule.form.allowed is not None for rule in self.rules if isinstance(rule.form, Combination))

    @staticmethod
    def from_yaml(source: str | Path) -> RulePack:
        """Read a pack from a YAML file, or from YAML text (a string of more than one line).

        Raises
        ------
        RuleError
            The file is absent or no YAML, a key is unknown (the nearest is named), or an expression cannot be
            read (the rule and the place are named).
        """
        from synthetic_healthcare.rules.files import rules_from_yaml

        return RulePack(rules_from_yaml(source))

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> RulePack:
        """Rebuild what `to_dict` gave, or plain data as they stand in a YAML file."""
        from synthetic_healthcare.rules.files import rules_from_dict

        return RulePack(rules_from_dict(data))

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON and YAML, with what was learnt from the real table."""
        from synthetic_healthcare.rules.files import rules_to_dict

        return rules_to_dict(self.rules)

    def with_enforcement(self, enforce: Enforce) -> RulePack:
        """The pack with one setting for all its rules: "always", "as_real" or "never"."""
        if enforce not in ENFORCE:
            raise RuleError(unknown("setting of 'enforce'", str(enforce), ENFORCE))
        return RulePack(tuple(replace(rule, enforce=enforce) for rule in self.rules))

    def check_columns(self, schema: Schema) -> None:
        """Try every rule on a table without rows that has the schema's columns.

        Raises
        ------
        RuleError
            A column is not in the schema (the nearest is named), no model learns it, or things are compared
            that do not go together; the rule and the place are named.
        """
        reader = Reader(empty_table(schema), schema)
        kinds = {column.name: column.kind for column in schema.columns}
        for rule in self.rules:
            unlearnt = [name for name in rule.form.columns if kinds.get(name) in UNLEARNT_KINDS]
            if unlearnt:
                raise RuleError(
                    f"rule {rule.name!r}: column {unlearnt[0]!r} is of kind {kinds[unlearnt[0]]!r}, which no "
                    "model learns. Leave the rule out, or declare another kind in the schema"
                )
            if isinstance(rule.form, Combination) and rule.form.allowed is None:
                with named(rule.name):
                    rule.form.check(reader)
            else:
                rule.judge(reader)

    def violations(self, frame: pd.DataFrame, schema: Schema | None = None) -> Violations:
        """Count how often each rule is broken.

        Parameters
        ----------
        frame : DataFrame (n, columns)
            A table, real or synthetic.
        schema : Schema, optional
            Says which text is a date, how codes are separated, how an ordinal is ordered.

        Returns
        -------
        Violations
            Counts only. A comparison with a missing side is neither met nor broken: such rows are not
            concerned.

        Raises
        ------
        RuleError
            A rule does not fit the table.
        """
        return count(len(frame), self.judge(Reader(frame, schema)))

    def judge(self, reader: Reader) -> dict[str, Truth]:
        """Say of each rule which rows keep it, break it, or are not concerned; shapes (n,)."""
        return {rule.name: rule.judge(reader) for rule in self.rules}

    def learn(self, frame: pd.DataFrame, floor: int = FLOOR, *, schema: Schema | None = None) -> RulePack:
        """Learn from the real table what rules leave to it: observed combinations, and how often each breaks.

        A combination held by fewer patients than the floor is not learnt, and a rule that fewer break counts
        as never broken: what belongs to a handful of patients does not enter a model. Both are read from real
        rows; under differential privacy they would have to be paid for.

        Parameters
        ----------
        frame : DataFrame (n, columns)
            The rows that a model learns from.
        floor : int, default 5
            Fewest patients.
        schema : Schema, optional
            As for `violations`; its group column says which rows are one patient.

        Returns
        -------
        RulePack
            With `real_rate` and the combinations filled in.

        Raises
        ------
        RuleError
            A rule does not fit the table, or no combination is held by enough patients.
        """
        reader = Reader(frame, schema)
        patients = _patients(frame, schema)
        learnt = []
        for rule in self.rules:
            form = rule.form
            if isinstance(form, Combination) and form.observed:
                with named(rule.name):
                    form = replace(form, allowed=_observed(reader, form.names, patients, floor))
            known = replace(rule, form=form)
            truth = known.judge(reader)
            breaking = int(truth.fails.sum())
            few = len(np.unique(patients[truth.fails])) < floor
            concerned = int(truth.holds.sum()) + breaking
            rate = 0.0 if few or not concerned else breaking / concerned
            learnt.append(replace(known, real_rate=rate))
        return RulePack(tuple(learnt))

    def notes(self) -> tuple[str, ...]:
        """Sentences on rules that the real rows break often, once that is learnt."""
        return tuple(
            f"rule {rule.name!r}: {rule.real_rate:.1%} of the real rows that it concerns break it, so it may "
            "be wrong, or the columns are in other units; "
            + {
                "always": "all generated rows keep it (enforce: as_real would tolerate as many)",
                "as_real": "as many generated rows may break it",
                "never": "it is only counted",
            }[rule.enforce]
            for rule in self.rules
            if rule.real_rate is not None and rule.real_rate >= _OFTEN
        )


def count(rows: int, truths: Mapping[str, Truth]) -> Violations:
    """Count what rules said of the rows of a table."""
    broken = np.zeros(rows, dtype=bool)
    counts = []
    for name, truth in truths.items():
        broken |= truth.fails
        violating = int(truth.fails.sum())
        counts.append(RuleCount(name, int(truth.holds.sum()) + violating, violating))
    return Violations(rows, int(broken.sum()), tuple(counts))


@contextmanager
def named(name: str) -> Iterator[None]:
    """Put a rule's name before an error."""
    try:
        yield
    except RuleError as error:
        raise RuleError(f"rule {name!r}: {error}") from error


def _patients(frame: pd.DataFrame, schema: Schema | None) -> npt.NDArray[np.int64]:
    """Number the patient of each row."""
    group = None if schema is None else schema.group
    if group is None or group not in frame.columns:
        return np.arange(len(frame), dtype=np.int64)
    import pandas as pd

    codes = pd.factorize(frame[group].astype(object), use_na_sentinel=False)[0]
    return np.asarray(codes, dtype=np.int64)


def _observed(
    reader: Reader, names: tuple[str, ...], patients: npt.NDArray[np.int64], floor: int
) -> tuple[tuple[str | float, ...], ...]:
    """Return the combinations that enough patients hold, in a fixed order."""
    read = [distinct(reader, name) for name in names]
    known = np.flatnonzero(np.all([cells >= 0 for cells, _ in read], axis=0))
    keys = number_jointly([cells[known] for cells, _ in read])
    # Each patient counts once for a combination.
    patient = np.unique(patients[known], return_inverse=True)[1]
    pairs = np.unique(keys * (int(patient.max(initial=0)) + 1) + patient, return_index=True)[1]
    counts = np.bincount(keys[pairs], minlength=1)
    first = known[np.unique(keys, return_index=True)[1]]
    kept = first[counts >= floor] if len(known) else first
    if not len(kept):
        raise RuleError(
            f"no combination of {', '.join(map(repr, names))} is held by {floor} patients, so none can be "
            "learnt. List the allowed ones under 'allowed', or combine fewer columns"
        )
    if len(kept) > MOST_COMBINATIONS:
        raise RuleError(f"{len(kept):,} combinations are no fixed set; at most {MOST_COMBINATIONS:,}")
    combinations = [tuple(values[cells[row]] for cells, values in read) for row in kept]
    # In an order that tells nothing of the order of the rows.
    return tuple(sorted(combinations, key=lambda one: tuple(map(str, one))))
