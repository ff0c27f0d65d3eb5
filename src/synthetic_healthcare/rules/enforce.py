"""`enforce`: generated rows keep the rules, and as many rows come back as went in."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, final

import numpy as np
import numpy.typing as npt
import pandas as pd

from synthetic_healthcare.errors import ConfigError, DataError, RuleError
from synthetic_healthcare.rules.pack import Rule, RulePack, count
from synthetic_healthcare.rules.reading import Reader
from synthetic_healthcare.rules.repair import repair
from synthetic_healthcare.rules.values import Truth
from synthetic_healthcare.rules.violations import Violations
from synthetic_healthcare.tables.dtypes import cast

if TYPE_CHECKING:
    from synthetic_healthcare.schema.schema import Schema

Flags = npt.NDArray[np.bool_]
Redraw = Callable[[int], pd.DataFrame]

#: Fresh rows that are asked for at once at most: what fits any memory.
_LARGEST_DRAW: Final = 50_000
#: Fresh rows that are asked for at least: a few rows are as fast as one.
_SMALLEST_DRAW: Final = 64
#: Fresh rows that are tried before a small table is given up.
_FEWEST_TRIES: Final = 10_000


@final
@dataclass(frozen=True)
class Enforcement:
    """What was done to keep the rules.

    Parameters
    ----------
    rows : int
        Rows that were enforced, and came back.
    before : Violations
        How often the rules were broken as the rows were drawn.
    after : Violations
        How often they are broken now: never by rules that are always enforced.
    repaired : Mapping of str to int
        Rule -> rows that its repair changed, fresh ones included.
    redrawn : int
        Rows that were replaced by fresh ones.
    drawn : int
        Fresh rows that were drawn for that.
    rounds : int
        Times that fresh rows were asked for.
    """

    rows: int
    before: Violations
    after: Violations
    repaired: Mapping[str, int]
    redrawn: int
    drawn: int
    rounds: int

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "rows": self.rows,
            "before": self.before.to_dict(),
            "after": self.after.to_dict(),
            "repaired": dict(self.repaired),
            "redrawn": self.redrawn,
            "drawn": self.drawn,
            "rounds": self.rounds,
        }


def enforce(
    frame: pd.DataFrame,
    pack: RulePack,
    *,
    redraw: Redraw,
    rng: np.random.Generator,
    schema: Schema | None = None,
    draws_per_row: int = 100,
) -> tuple[pd.DataFrame, Enforcement]:
    """Make generated rows keep the rules.

    First the repairs that rules ask for, in the pack's order; then rows that still break a rule are replaced
    by fresh ones, repaired likewise, until none is left. A rule with `enforce: as_real` may be broken by at
    most the share of rows, among those that it concerns, that break it in the real table. A rule with
    `enforce: never` is neither repaired nor enforced.

    Parameters
    ----------
    frame : DataFrame (n, columns)
        Generated rows; not changed.
    pack : RulePack
        Learnt (`learn`) where it has observed combinations or a rule that is enforced as real.
    redraw : callable of int to DataFrame
        Draws that many fresh rows with the same columns.
    rng : numpy Generator
        Chooses which rows may break a rule that is enforced as real.
    schema : Schema, optional
        As for `RulePack.violations`. Identifiers of a replaced row are kept, so that they stay distinct.
    draws_per_row : int, default 100
        Fresh rows that are drawn for each row of the table (and 10,000 in all) before it is given up.

    Returns
    -------
    frame : DataFrame (n, columns)
        As many rows, in their order, with the index and dtypes that came in; only a column that gets its
        first missing cell may need another dtype (int64 becomes Int64).
    enforcement : Enforcement
        What was done.

    Raises
    ------
    RuleError
        The model hardly ever keeps a rule: the rule, how often it is kept, and the remedy are named. No
        row is ever lost in silence.
    ConfigError
        `draws_per_row` is below 1.
    """
    if draws_per_row < 1:
        raise ConfigError(f"draws_per_row is {draws_per_row}; it must be at least 1")
    run = _Run(pack, schema, rng)
    rows = len(frame)
    drawn_first = frame.reset_index(drop=True)
    truths = pack.judge(Reader(drawn_first, schema))
    before = count(rows, truths)
    first, changed = run.repair(drawn_first)
    if changed:
        truths = pack.judge(Reader(first, schema))
    replaced = np.setdiff1d(np.arange(rows), run.accept(truths, rows, at_most=rows))
    fresh: list[pd.DataFrame] = []
    waiting, drawn, rounds = len(replaced), 0, 0
    while waiting:
        if drawn >= max(draws_per_row * rows, _FEWEST_TRIES):
            raise run.given_up(waiting, drawn)
        asked = run.rows_to_ask(waiting)
        batch, _ = run.repair(_checked(redraw(asked), frame, asked))
        taken = run.accept(pack.judge(Reader(batch, schema)), asked, at_most=waiting)
        fresh.append(batch.iloc[taken])
        waiting, drawn, rounds = waiting - len(taken), drawn + asked, rounds + 1
    result = _assemble(frame, first, fresh, replaced, schema)
    after = pack.violations(result, schema) if len(replaced) else count(rows, truths)
    return result, Enforcement(rows, before, after, run.repairs, len(replaced), drawn, rounds)


@final
class _Run:
    """One enforcement: repairs, accepts and counts."""

    def __init__(self, pack: RulePack, schema: Schema | None, rng: np.random.Generator) -> None:
        self._rules = [rule for rule in pack.rules if rule.enforce != "never"]
        self._schema, self._rng = schema, rng
        for rule in self._rules:
            if rule.enforce == "as_real" and rule.real_rate is None:
                raise RuleError(
                    f"rule {rule.name!r}: it is enforced as real rows keep it, and how they do is not known "
                    "yet. Call pack.learn(real) first"
                )
        self.repairs = {rule.name: 0 for rule in self._rules if rule.repair != "redraw"}
        self._judged = self._accepted = 0
        self._broken = dict.fromkeys((rule.name for rule in self._rules), 0)
        # Of the rows kept so far: how many keep and break each rule that is enforced as real.
        self._keeping = dict.fromkeys((rule.name for rule in self._rules), 0)
        self._breaking = dict.fromkeys((rule.name for rule in self._rules), 0)

    def repair(self, frame: pd.DataFrame) -> tuple[pd.DataFrame, int]:
        """Apply the cheap repairs in the pack's order; also say how often a row was changed."""
        changes = 0
        for rule in self._rules:
            if rule.repair != "redraw":
                frame, changed = repair(Reader(frame, self._schema), rule)
                self.repairs[rule.name] += changed
                changes += changed
        return frame, changes

    def accept(self, truths: Mapping[str, Truth], rows: int, *, at_most: int) -> npt.NDArray[np.intp]:
        """Positions of the rows that are kept, the first ones where there are more than enough."""
        good = np.ones(rows, dtype=bool)
        for rule in self._rules:
            self._broken[rule.name] += int(truths[rule.name].fails.sum())
            if rule.enforce == "always":
                good &= ~truths[rule.name].fails
        self._refuse(truths, good)
        good[np.flatnonzero(good)[at_most:]] = False
        # Rows that are not needed no longer count for those that may break a rule.
        self._refuse(truths, good)
        for rule in self._rules:
            self._keeping[rule.name] += int((truths[rule.name].holds & good).sum())
            self._breaking[rule.name] += int((truths[rule.name].fails & good).sum())
        self._judged += rows
        self._accepted += int(good.sum())
        return np.flatnonzero(good)

    def _refuse(self, truths: Mapping[str, Truth], good: Flags) -> None:
        """Refuse rows until no rule that is enforced as real is broken more often than in the real table.

        How many may break a rule follows from the rows that keep it, and rows that are refused for another
        rule lower it: hence the repetition, which ends since rows only go.
        """
        tolerated = [rule for rule in self._rules if rule.enforce == "as_real"]
        shrunk = bool(tolerated)
        while shrunk:
            shrunk = False
            for rule in tolerated:
                shrunk |= self._refuse_beyond_real(rule, truths[rule.name], good)

    def _refuse_beyond_real(self, rule: Rule, truth: Truth, good: Flags) -> bool:
        """Refuse some of the rows that break a rule, at random, where more do than in the real table."""
        rate = rule.real_rate or 0.0
        if rate >= 1.0:
            return False
        keeping = self._keeping[rule.name] + int((truth.holds & good).sum())
        # m broken beside k kept are a share of r where m = k r / (1 - r).
        allowed = max(0, math.floor(keeping * rate / (1.0 - rate) + 1e-9) - self._breaking[rule.name])
        breaking = np.flatnonzero(truth.fails & good)
        if len(breaking) <= allowed:
            return False
        refused = self._rng.permutation(breaking)[allowed:]
        good[refused] = False
        return True

    def rows_to_ask(self, waiting: int) -> int:
        """Fresh rows that should be enough, judged by the share that was accepted so far."""
        share = max(self._accepted, 1) / max(self._judged, 1)
        return int(min(max(math.ceil(1.1 * waiting / share), _SMALLEST_DRAW), _LARGEST_DRAW))

    def given_up(self, waiting: int, drawn: int) -> RuleError:
        """The error that names the rule that is broken most often."""
        worst = max(self._rules, key=lambda rule: self._broken[rule.name])
        kept = self._judged - self._broken[worst.name]
        real = "" if worst.real_rate is None else f" (real rows break it at a rate of {worst.real_rate:.2g})"
        return RuleError(
            f"rule {worst.name!r}: {kept:,} of {self._judged:,} generated rows keep it "
            f"({kept / self._judged:.2%}){real}; {self._accepted:,} keep all rules, {waiting:,} are still "
            f"wanted after {drawn:,} fresh draws. Give the rule a repair (swap, sort, clip, set, missing), "
            "enforce it as_real or never, or train a model that comes nearer to it"
        )


def _checked(fresh: pd.DataFrame, frame: pd.DataFrame, asked: int) -> pd.DataFrame:
    if len(fresh) != asked or set(fresh.columns) != set(frame.columns):
        raise DataError(
            f"redraw gave {len(fresh)} rows of {len(fresh.columns)} columns where {asked} rows of the "
            f"{len(frame.columns)} columns of the table were asked for"
        )
    chosen: pd.DataFrame = fresh[list(frame.columns)].reset_index(drop=True)
    return chosen


def _assemble(
    frame: pd.DataFrame,
    first: pd.DataFrame,
    fresh: list[pd.DataFrame],
    replaced: npt.NDArray[np.intp],
    schema: Schema | None,
) -> pd.DataFrame:
    """Put fresh rows in the places of those that they replace."""
    if not len(replaced):
        return first.set_index(frame.index)
    order = np.arange(len(frame))
    order[replaced] = len(frame) + np.arange(len(replaced))
    identifiers = set() if schema is None else {column.name for column in schema.of_kind("identifier")}
    columns = {}
    for name in frame.columns:
        if name in identifiers:
            columns[name] = first[name]
            continue
        parts = _alike([first[name], *(batch[name] for batch in fresh)])
        joined = pd.concat(parts, ignore_index=True).iloc[order].reset_index(drop=True)
        columns[name] = cast(joined, str(frame[name].dtype)) if joined.dtype != first[name].dtype else joined
    return pd.DataFrame(columns, columns=frame.columns).set_index(frame.index)


def _alike(parts: list[pd.Series[Any]]) -> list[pd.Series[Any]]:
    """Give categorical parts the same categories: joined with others they would become objects."""
    first = parts[0].dtype
    if not isinstance(first, pd.CategoricalDtype) or all(part.dtype == first for part in parts):
        return parts
    categories = list(dict.fromkeys(cell for part in parts for cell in part.cat.categories))
    return [part.cat.set_categories(categories, ordered=first.ordered) for part in parts]
