"""Slips: one small mistake in one line of a method, as a change of its text.

They serve to break a promise that the machine keeps from every state. A line is one of the method as `ast.unparse` writes
it, so that a slip can be kept in a file and read.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from kvproof.model.conjuncts import KINDS, replaced
from kvproof.spec.lang.definition import Method

_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
}
_NAMES = {"min": "max", "max": "min", "all": "any", "any": "all"}


def slips(method: Method) -> Iterator[tuple[str, str, str]]:
    """Every slip in a method: its name, the line, and what stands there instead."""
    before = ast.unparse(method.node).splitlines()
    for node in _acting(method.node):
        for new in _changes(node):
            after = ast.unparse(replaced(method.node, node, new)).splitlines()
            if len(before) == len(after):
                different = [(old, line) for old, line in zip(before, after, strict=True) if old != line]
                if len(different) == 1 and before.count(different[0][0]) == 1:
                    yield (method.name, *different[0])


def _acting(node: ast.AST) -> Iterator[ast.expr]:
    """The expressions of a method, without those of what it states."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in (*KINDS, "sometimes"):
        return
    if isinstance(node, ast.expr):
        yield node
    children = node.body if isinstance(node, ast.FunctionDef) else ast.iter_child_nodes(node)
    for child in children:
        yield from _acting(child)


def _changes(node: ast.expr) -> Iterator[ast.expr]:
    match node:
        case ast.Compare(left=left, ops=[operator], comparators=comparators) if type(operator) in _COMPARISONS:
            yield ast.Compare(left, [_COMPARISONS[type(operator)]()], comparators)
        case ast.Constant(value=bool(value)):
            yield ast.Constant(not value)
        case ast.Constant(value=int(value)):
            yield ast.Constant(value + 1)
            if value > 0:
                yield ast.Constant(value - 1)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            yield ast.BinOp(left, ast.Sub(), right)
            yield left
            yield right
        case ast.BinOp(left=left, op=ast.Sub(), right=right):
            yield ast.BinOp(left, ast.Add(), right)
            yield left
        case ast.BoolOp(op=operator, values=values):
            yield ast.BoolOp(ast.Or() if isinstance(operator, ast.And) else ast.And(), values)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield operand
        case ast.Call(func=ast.Name(id=name), args=arguments) if name in _NAMES:
            yield ast.Call(ast.Name(_NAMES[name], ast.Load()), arguments, [])
