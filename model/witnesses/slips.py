"""Slips: one small mistake in one line of a method, as a change of its text: something compared, counted or joined in the
wrong way, left out, or (in a step) forgotten that should have been kept.

They serve to break a promise that the machine keeps from every state. A line is one of the method as `ast.unparse` writes
it, so that a slip can be kept in a file and read.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from kvproof.model.witnesses.conjuncts import KINDS, replaced
from kvproof.spec.lang.definition import Definition, Method
from kvproof.spec.lang.types import BoolType, IndexType, MapType, OptionType, RangeType, SeqType, Type

Slip = tuple[str, str, str]
"""The method, a line of it, and what stands there instead."""

_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
}
_NAMES = {"min": "max", "max": "min", "all": "any", "any": "all"}


def slips(definition: Definition, method: Method) -> Iterator[Slip]:
    """Every slip in a method: its name, the line, and what stands there instead."""
    before = ast.unparse(method.node).splitlines()
    if method.kind != "step":
        for node in _acting(method.node):
            for new in _changes(node):
                after = ast.unparse(replaced(method.node, node, new)).splitlines()
                if len(before) == len(after):
                    different = [(old, line) for old, line in zip(before, after, strict=True) if old != line]
                    if len(different) == 1 and before.count(different[0][0]) == 1:
                        yield (method.name, *different[0])
    for line in before[1:]:
        indented, text = line[: len(line) - len(line.lstrip())], line.strip()
        if before.count(line) == 1 and _is_simple(text):
            yield method.name, line, f"{indented}pass"
            if method.kind == "step" and line == before[-1]:
                for forgotten in _forgotten(definition, method):
                    yield method.name, line, f"{line}; {forgotten}"


def _is_simple(line: str) -> bool:
    """Whether a line is one statement of what the method does."""
    try:
        statement = ast.parse(line).body[0]
    except (SyntaxError, IndexError):
        return False
    match statement:
        case ast.Expr(value=ast.Call(func=ast.Attribute())) | ast.AugAssign() | ast.Delete():
            return True
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            return True
    return False


def _forgotten(definition: Definition, method: Method) -> Iterator[str]:
    """Assignments with which a step would forget what is none of its business."""
    for name, variable in definition.state.items():
        kind = variable.type
        if isinstance(kind, MapType):
            arguments = [argument for argument, of in method.arguments if of == kind.key]
            if isinstance(kind.value, SeqType | OptionType | BoolType | RangeType | IndexType):
                value = _default(kind.value)
                yield from (f"self.{name}[{argument}] = {value}" for argument in arguments)
        elif isinstance(kind, SeqType | OptionType | BoolType | RangeType | IndexType):
            yield f"self.{name} = {_default(kind)}"


def _default(kind: Type) -> str:
    if isinstance(kind, SeqType):
        return "()"
    return "None" if isinstance(kind, OptionType) else "False" if isinstance(kind, BoolType) else "0"


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
        case ast.BinOp(left=left, op=ast.Mult() | ast.FloorDiv() | ast.Mod()):
            yield left
        case ast.BoolOp(op=operator, values=values):
            yield ast.BoolOp(ast.Or() if isinstance(operator, ast.And) else ast.And(), values)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield operand
        case ast.Call(func=ast.Name(id=name), args=arguments) if name in _NAMES:
            yield ast.Call(ast.Name(_NAMES[name], ast.Load()), arguments, [])
