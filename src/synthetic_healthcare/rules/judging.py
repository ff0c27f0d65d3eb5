"""`judge`: walk an expression over a table, whole columns at a time."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from synthetic_healthcare.rules.expression import ARITHMETIC, COMPARISONS, Expression
from synthetic_healthcare.rules.reading import Reader
from synthetic_healthcare.rules.values import (
    CodeSets,
    Instant,
    Misfit,
    Number,
    Text,
    Truth,
    Value,
    among,
    calculate,
    compare,
    label_of,
    number,
    yes_or_no,
)


def judge(expression: Expression, reader: Reader) -> Truth:
    """Say of each row whether the expression holds, fails, or neither since something is missing.

    Parameters
    ----------
    expression : Expression
        A comparison, or several joined by and, or, not.
    reader : Reader
        The table.

    Returns
    -------
    Truth
        Arrays of shape (n,).

    Raises
    ------
    RuleError
        A column is not there, or things that do not go together are compared; with the place.
    """
    return _truth(expression.tree, expression, reader).over(reader.rows)


def value_of(node: ast.expr, expression: Expression, reader: Reader) -> Value:
    """Work out one part of an expression."""
    if isinstance(node, ast.Constant):
        value = node.value
        return value if isinstance(value, str) else Number(np.asarray(float(value)))  # type: ignore[arg-type]
    if isinstance(node, ast.BoolOp | ast.Compare):
        return _truth(node, expression, reader)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return _truth(node, expression, reader)
    with _placed(expression, node):
        if isinstance(node, ast.Name):
            return reader.value(node.id)
        if isinstance(node, ast.Call):
            return _call(node, expression, reader)
        if isinstance(node, ast.UnaryOp):
            operand = number(value_of(node.operand, expression, reader))
            negative = isinstance(node.op, ast.USub)
            return Number(-operand.values, operand.tolerance) if negative else operand
        assert isinstance(node, ast.BinOp)
        left = value_of(node.left, expression, reader)
        return calculate(ARITHMETIC[type(node.op)], left, value_of(node.right, expression, reader))


def _truth(node: ast.expr, expression: Expression, reader: Reader) -> Truth:
    if isinstance(node, ast.BoolOp):
        truths = [_truth(part, expression, reader) for part in node.values]
        found = truths[0]
        for other in truths[1:]:
            found = found & other if isinstance(node.op, ast.And) else found | other
        return found
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return ~_truth(node.operand, expression, reader)
    if isinstance(node, ast.Compare):
        return _chain(node, expression, reader)
    value = value_of(node, expression, reader)
    with _placed(expression, node):
        return yes_or_no(value)


def _chain(node: ast.Compare, expression: Expression, reader: Reader) -> Truth:
    """A chain is its neighbouring pairs, all of them; each part is worked out once."""
    found: Truth | None = None
    left_node, left = node.left, value_of(node.left, expression, reader)
    for operation, right_node in zip(node.ops, node.comparators, strict=True):
        sign = COMPARISONS[type(operation)]
        if sign in ("in", "not in"):
            with _placed(expression, right_node):
                inside = _inside(left, right_node, reader)
            return inside if sign == "in" else ~inside
        right = value_of(right_node, expression, reader)
        with _placed(expression, left_node):
            pair = compare(sign, left, right)
        found = pair if found is None else found & pair
        left_node, left = right_node, right
    assert found is not None
    return found


def _inside(left: Value, right: ast.expr, reader: Reader) -> Truth:
    if isinstance(right, ast.List | ast.Tuple | ast.Set):
        return among(left, [constant(entry) for entry in right.elts])
    assert isinstance(right, ast.Name)
    held = reader.value(right.id)
    if not isinstance(held, CodeSets):
        raise Misfit(
            f"column {right.id!r} is not known to hold sets of codes; declare its kind as codes in the "
            f"schema, or write {right.id} == ..."
        )
    if isinstance(left, Number) and left.values.ndim == 0:
        left = label_of(float(left.values))
    if not isinstance(left, str):
        raise Misfit("to the left of 'in' stands one code in quotes, such as 'O80' or 'O8*'")
    return held.hold(left)


def constant(node: ast.expr) -> float | str:
    """Return a constant of a checked tree; true and false are 1 and 0."""
    if isinstance(node, ast.UnaryOp):
        inner = constant(node.operand)
        if isinstance(inner, str):
            raise Misfit("a minus stands before a number only")
        return -inner
    assert isinstance(node, ast.Constant)
    return node.value if isinstance(node.value, str) else float(node.value)  # type: ignore[arg-type]


def _call(node: ast.Call, expression: Expression, reader: Reader) -> Value:
    assert isinstance(node.func, ast.Constant)
    name = str(node.func.value)
    if name in ("missing", "present"):
        column = node.args[0]
        assert isinstance(column, ast.Name)
        absent = reader.missing(column.id)
        return Truth(absent, ~absent) if name == "missing" else Truth(~absent, absent)
    values = [value_of(argument, expression, reader) for argument in node.args]
    if name == "round":
        rounded = number(values[0])
        digits = int(constant(node.args[1])) if len(node.args) == 2 else 0
        return Number(np.asarray(np.round(rounded.values, digits)), rounded.tolerance)
    if name == "abs":
        size = number(values[0])
        return Number(np.abs(size.values), size.tolerance)
    return _extreme(name, values)


def _extreme(name: str, values: list[Value]) -> Number | Instant:
    """The least or the greatest; missing where one is."""
    choose = np.minimum if name == "min" else np.maximum
    if all(isinstance(value, Instant | Text) for value in values):
        dates = [value.instants() if isinstance(value, Text) else value for value in values]
        if all(isinstance(date, Instant) for date in dates):
            seconds = [date.seconds for date in dates if isinstance(date, Instant)]
            return Instant(_fold(choose, seconds))
    counted = [number(value) for value in values]
    return Number(_fold(choose, [one.values for one in counted]), max(one.tolerance for one in counted))


def _fold(choose: np.ufunc, arrays: list[np.ndarray]) -> np.ndarray:
    found = arrays[0]
    for other in arrays[1:]:
        found = choose(found, other)
    return np.asarray(found)


@contextmanager
def _placed(expression: Expression, node: ast.AST) -> Iterator[None]:
    """Give an error its place, once: the innermost knows best."""
    try:
        yield
    except Misfit as misfit:
        raise expression.error(node, str(misfit)) from misfit
