"""The language of rules: comparisons over columns, read from text, with nothing in it that could run.

Python's own grammar reads the text; everything that is not on the short list below is refused with its place.
The tree is then walked by `judging`: no code is compiled or evaluated.
"""

from __future__ import annotations

import ast
import math
import re
from dataclasses import dataclass, field
from typing import Final, final

from synthetic_healthcare.errors import RuleError

#: Longest text of an expression; a rule that needs more is several rules.
_LONGEST: Final = 2_000
#: Strings are matched first, so that a backquote inside one is left alone.
_QUOTED: Final = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|`([^`]*)`")
#: Function -> fewest and most arguments.
FUNCTIONS: Final[dict[str, tuple[int, int]]] = {
    "abs": (1, 1),
    "min": (2, 20),
    "max": (2, 20),
    "round": (1, 2),
    "missing": (1, 1),
    "present": (1, 1),
}
ARITHMETIC: Final[dict[type[ast.operator], str]] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.Pow: "**",
}
COMPARISONS: Final[dict[type[ast.cmpop], str]] = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.In: "in",
    ast.NotIn: "not in",
}
_ALLOWED: Final = (
    "Allowed are columns, numbers, text in quotes, lists of these, + - * / **, comparisons, chains of them, "
    f"in, and, or, not, and the functions {', '.join(FUNCTIONS)}"
)
#: Words of other languages for what Python writes otherwise.
_FOREIGN: Final = {"true": "True", "false": "False", "null": "missing(column)", "none": "missing(column)"}


@final
@dataclass(frozen=True)
class Expression:
    """One expression over the columns of a table.

    Columns stand by their names; one whose name is no plain word stands in backquotes.

    Parameters
    ----------
    text : str
        Such as ``"diastolic < systolic"`` or ``"abs(bmi - weight / (`height in cm` / 100) ** 2) < 1"``.

    Attributes
    ----------
    tree : ast.expr
        The checked tree; the id of a name is the column's name.
    columns : tuple of str
        The columns that it names, in their order of appearance.

    Raises
    ------
    RuleError
        Where the text is not such an expression, with the place.
    """

    text: str
    tree: ast.expr = field(init=False, repr=False, compare=False)
    columns: tuple[str, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        plain, quoted = _without_backquotes(self.text)
        tree = _parse(self.text, plain)
        _check(tree, self, _Names(plain, quoted))
        names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
        names.sort(key=lambda node: node.col_offset)
        object.__setattr__(self, "tree", tree)
        object.__setattr__(self, "columns", tuple(dict.fromkeys(node.id for node in names)))
        if not self.columns:
            raise RuleError(f"{self.text!r} names no column. Put text that is meant as such in quotes")

    def error(self, node: ast.AST, problem: str) -> RuleError:
        """Return an error that names the place of a node."""
        place = getattr(node, "col_offset", 0) + 1
        return RuleError(f"at character {place} of {self.text!r}: {problem}")


def column_alone(tree: ast.AST) -> str | None:
    """Return the column's name where a tree is a column and nothing else."""
    return tree.id if isinstance(tree, ast.Name) else None


def quoted_column(name: str) -> str:
    """Write a column's name as it stands in an expression."""
    return name if name.isidentifier() and not _is_word(name) else f"`{name}`"


def _is_word(name: str) -> bool:
    import keyword

    return keyword.iskeyword(name) or name in _FOREIGN


def _without_backquotes(text: str) -> tuple[str, dict[int, str]]:
    """Put a plain name of equal length in the place of each backquoted one; places stay what they are."""
    quoted: dict[int, str] = {}

    def plain(match: re.Match[str]) -> str:
        if match[1] is None:
            return match[0]
        quoted[match.start()] = match[1]
        return "_" * len(match[0])

    # A folded line of YAML is one line; a line break inside brackets would move the places.
    return _QUOTED.sub(plain, re.sub(r"[\r\n\t]", " ", text)), quoted


def _parse(text: str, plain: str) -> ast.expr:
    if len(text) > _LONGEST:
        raise RuleError(f"an expression has {len(text):,} characters; at most {_LONGEST:,}. Split the rule")
    stripped = plain.lstrip()
    try:
        tree = ast.parse(stripped, mode="eval").body
    except SyntaxError as error:
        # Python points behind the last line where something is still to come.
        inside = error.lineno == 1 and error.offset
        place = (error.offset or 1) + len(plain) - len(stripped) if inside else len(plain) + 1
        raise RuleError(f"at character {place} of {text!r}: this is no expression. {_ALLOWED}") from None
    except (ValueError, RecursionError, MemoryError):
        raise RuleError(f"{text[:40]!r}... cannot be read: it is nested too deep or no text") from None
    for node in ast.walk(tree):
        if isinstance(node, ast.expr):
            # ast counts bytes; readers count characters.
            before = stripped.encode()[: node.col_offset].decode()
            after = stripped.encode()[: node.end_col_offset].decode()
            shift = len(plain) - len(stripped)
            node.col_offset, node.end_col_offset = len(before) + shift, len(after) + shift
    return tree


@dataclass(frozen=True)
class _Names:
    """Gives a name node the name that was written: ast normalises some letters, backquotes hide others."""

    plain: str
    quoted: dict[int, str]

    def written(self, node: ast.Name) -> str:
        return self.quoted.get(node.col_offset, self.plain[node.col_offset : node.end_col_offset])


def _check(node: ast.expr, of: Expression, names: _Names) -> None:
    """Refuse whatever is not on the list, and write the columns' names into the tree."""
    if isinstance(node, ast.Name):
        _check_name(node, of, names)
    elif isinstance(node, ast.Constant):
        _check_constant(node, of)
    elif isinstance(node, ast.List | ast.Tuple | ast.Set):
        raise of.error(node, "a list stands only to the right of 'in'")
    elif isinstance(node, ast.Call):
        _check_call(node, of, names)
    elif isinstance(node, ast.Compare):
        _check_compare(node, of, names)
    elif isinstance(node, ast.BoolOp):
        for part in node.values:
            _check(part, of, names)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.USub | ast.UAdd):
        _check(node.operand, of, names)
    elif isinstance(node, ast.BinOp) and type(node.op) in ARITHMETIC:
        _check(node.left, of, names)
        _check(node.right, of, names)
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitAnd | ast.BitOr):
        raise of.error(node, "write 'and' and 'or', not & and |")
    else:
        raise of.error(node, f"this is not allowed in a rule. {_ALLOWED}")


def _check_name(node: ast.Name, of: Expression, names: _Names) -> None:
    name = names.written(node)
    if node.col_offset not in names.quoted and name in _FOREIGN:
        raise of.error(node, f"{name!r} is no column; write {_FOREIGN[name]}")
    node.id = name


def _check_constant(node: ast.Constant, of: Expression) -> None:
    value = node.value
    if value is None:
        raise of.error(node, "None cannot be compared; write missing(column) or present(column)")
    if not isinstance(value, str | bool | int | float):
        raise of.error(node, f"a {type(value).__name__} is no number and no text in quotes")
    if isinstance(value, int | float):
        try:
            finite = math.isfinite(float(value))
        except OverflowError:
            finite = False
        if not finite:
            raise of.error(node, "this number is too large")


def _check_call(node: ast.Call, of: Expression, names: _Names) -> None:
    known = isinstance(node.func, ast.Name) and node.func.id in FUNCTIONS
    if not known or node.keywords:
        raise of.error(node, f"no such function. {_ALLOWED}")
    assert isinstance(node.func, ast.Name)
    name = node.func.id
    # The function's name must not be taken for a column.
    node.func = ast.Constant(name)
    fewest, most = FUNCTIONS[name]
    if not fewest <= len(node.args) <= most:
        wanted = str(fewest) if fewest == most else f"{fewest} to {most}"
        raise of.error(node, f"{name} takes {wanted} arguments, not {len(node.args)}")
    for argument in node.args:
        _check(argument, of, names)
    if name in ("missing", "present") and column_alone(node.args[0]) is None:
        raise of.error(node.args[0], f"{name}(...) takes one column")
    if name == "round" and len(node.args) == 2:
        digits = node.args[1]
        if not (isinstance(digits, ast.Constant) and type(digits.value) is int and 0 <= digits.value <= 15):
            raise of.error(digits, "the digits of round must be a whole number from 0 to 15")


def _check_compare(node: ast.Compare, of: Expression, names: _Names) -> None:
    _check(node.left, of, names)
    for sign, right in zip(node.ops, node.comparators, strict=True):
        if type(sign) not in COMPARISONS:
            raise of.error(right, "'is' is not allowed; write ==, or missing(column)")
        if not isinstance(sign, ast.In | ast.NotIn):
            _check(right, of, names)
            continue
        if len(node.ops) > 1:
            raise of.error(right, "'in' does not stand in a chain; join comparisons with 'and'")
        _check_inside(right, of, names)


def _check_inside(right: ast.expr, of: Expression, names: _Names) -> None:
    """What stands to the right of 'in': a list of constants, or a column."""
    if isinstance(right, ast.Name):
        _check(right, of, names)
        return
    if not isinstance(right, ast.List | ast.Tuple | ast.Set):
        raise of.error(right, "to the right of 'in' stands a list ['a', 'b'] or a column of codes")
    for entry in right.elts:
        if not _is_constant(entry):
            raise of.error(entry, "a list holds numbers and text in quotes only")
        _check(entry, of, names)


def _is_constant(node: ast.expr) -> bool:
    negative = isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub)
    return isinstance(node.operand if negative and isinstance(node, ast.UnaryOp) else node, ast.Constant)
