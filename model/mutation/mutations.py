"""Changes to the syntax tree of one method, each a small mistake that somebody could make when writing a machine.

What states that something is right (`require`, `ensure`, `assume`) and what marks a point (`sometimes`) is left alone: it
is what must notice a mistake. A change that leaves the method's text as it is, or as another change makes it, is left out.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator, Sequence
from enum import IntEnum
from typing import Any

import attrs

from kvproof.spec.lang.definition import Definition, Method, global_value
from kvproof.spec.lang.named_fields import given
from kvproof.spec.lang.types import BoolType, IntegerType, OptionType, RangeType, SeqType, Type

Path = tuple[tuple[str, int], ...]
"""The way from a method to a node in it: fields, with a position where the field is a list (-1 where it is none)."""

JUDGES = ("require", "ensure", "assume", "sometimes")
"""Calls that are no part of what a machine does."""


@attrs.frozen(eq=False)
class Mutation:
    """A method with one mistake in it."""

    kind: str
    line: int
    node: ast.FunctionDef
    text: str
    namespace: dict[str, Any]
    """The method's global names, with those that the change brings in."""


def mutations(definition: Definition, method: Method) -> Iterator[Mutation]:
    """Every change of a method, in the order of its text."""
    seen = {ast.unparse(method.node)}
    for kind, line, node, names in _Changes(definition, method).all():
        ast.fix_missing_locations(node)
        text = ast.unparse(node)
        if text not in seen and (not _has_result(method.node) or _returns(node.body)):
            seen.add(text)
            yield Mutation(kind, line, node, text, {**method.namespace, **names})


def is_judgement(node: ast.AST) -> bool:
    """Whether a statement only says what is right, or marks a point."""
    match node:
        case ast.Expr(value=ast.Call(func=ast.Name(id=name))):
            return name in JUDGES
        case ast.Expr(value=ast.Constant()):
            return True
    return False


def _has_result(node: ast.FunctionDef) -> bool:
    return not (node.returns is None or (isinstance(node.returns, ast.Constant) and node.returns.value is None))


def _returns(body: Sequence[ast.stmt]) -> bool:
    """Whether no path falls out at the end: a method with a result that one leaves is a mistake that types show."""
    match body[-1]:
        case ast.Return():
            return True
        case ast.Expr(value=ast.Call(func=ast.Name(id="reject"))):
            return True
        case ast.If(body=then, orelse=[*_] as otherwise):
            return bool(otherwise) and _returns(then) and _returns(otherwise)
    return False


_Found = tuple[str, int, ast.FunctionDef, dict[str, Any]]

_NEIGHBOURS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
}
_OPPOSITES: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
_ENDS = {"push_back": "push_front", "push_front": "push_back"}
_TWINS = {
    "min": ("max", "max for min"),
    "max": ("min", "min for max"),
    "all": ("any", "any for all"),
    "any": ("all", "all for any"),
}


class _Changes:
    def __init__(self, definition: Definition, method: Method) -> None:
        self._definition = definition
        self._method = method
        self._locals = {name for name, _ in method.arguments} | {
            part.id for part in ast.walk(method.node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)
        }

    def all(self) -> Iterator[_Found]:
        """Kind, line, changed method and names that it needs, for every change at every place."""
        root = self._method.node
        for path, node in _places(root):
            if isinstance(node, ast.stmt):
                for kind, statements, span in self._of_statements(path, node):
                    yield kind, node.lineno, _spliced(root, path, statements, span), {}
            elif isinstance(node, ast.expr):
                for kind, changed, names in self._of_expression(node):
                    yield kind, node.lineno, _put(root, path, changed), names
            if isinstance(node, ast.For | ast.comprehension):
                for kind, changed in _of_rounds(node.iter):
                    yield kind, node.iter.lineno, _put(root, (*path, ("iter", -1)), changed), {}
            for condition_path in _conditions(node):
                condition = _at(node, condition_path)
                assert isinstance(condition, ast.expr)
                if not _negates_itself(condition):
                    negated = ast.UnaryOp(ast.Not(), condition)
                    yield "condition negated", condition.lineno, _put(root, path + condition_path, negated), {}

    # Statements

    def _of_statements(self, path: Path, node: ast.stmt) -> Iterator[tuple[str, list[ast.stmt], int]]:
        """For each change: what comes in place of how many statements at `path`."""
        body = getattr(_at(self._method.node, path[:-1]), path[-1][0])
        position = path[-1][1]
        if not isinstance(node, ast.Pass | ast.AnnAssign):
            yield "statement dropped", [], 1
        if position + 1 < len(body):
            following = body[position + 1]
            if not is_judgement(following) and not _leaves(node) and not _leaves(following):
                yield "statements swapped", [following, node], 2
        if len(path) == 1 and not _has_result(self._method.node) and self._method.role != "step" and position > 0:
            kept = [part for part in body[position:] if is_judgement(part)]
            yield "returns early", kept or [ast.Return(None)], len(body) - position
        if isinstance(node, ast.For) and not _leaves(node.body[-1]):
            only = copy.copy(node)
            only.body = [*node.body, ast.Break()]
            yield "first only", [only], 1

    # Expressions

    def _of_expression(self, node: ast.expr) -> Iterator[tuple[str, ast.expr, dict[str, Any]]]:
        for kind, changed in (*self._of_operators(node), *self._of_calls(node)):
            yield kind, changed, {}
        match node:
            case ast.Name(id=name) if name not in self._locals:
                yield from self._other_members(node, self._global(name))
            case ast.Attribute(value=ast.Name(id=owner), attr=name) if owner not in self._locals | {"self"}:
                yield from self._other_members(node, getattr(self._global(owner), name, None))
            case ast.Name(id=name):
                kinds = dict(self._method.arguments)
                for other in kinds if name in kinds else ():
                    if other != name and kinds[name] == kinds[other]:
                        yield "other argument", ast.copy_location(ast.Name(other, ast.Load()), node), {}

    def _of_operators(self, node: ast.expr) -> Iterator[tuple[str, ast.expr]]:
        match node:
            case ast.BoolOp(op=operator, values=values):
                for left_out in range(len(values)):
                    rest = values[:left_out] + values[left_out + 1 :]
                    yield "part dropped", rest[0] if len(rest) == 1 else _like(node, ast.BoolOp(operator, rest))
                is_and = isinstance(operator, ast.And)
                other = ast.Or() if is_and else ast.And()
                yield "or for and" if is_and else "and for or", _like(node, ast.BoolOp(other, values))
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                yield "condition negated", operand
            case ast.Compare(left=left, ops=[operator], comparators=[right]) if type(operator) in _NEIGHBOURS:
                yield "off by one", _like(node, ast.Compare(left, [_NEIGHBOURS[type(operator)]()], [right]))
            case ast.Compare(left=left, ops=[operator], comparators=[right]):
                yield "condition negated", _like(node, ast.Compare(left, [_OPPOSITES[type(operator)]()], [right]))
            case ast.Constant(value=bool() as value):
                yield "other truth value", _like(node, ast.Constant(not value))
            case ast.Constant(value=int() as value):
                yield "off by one", _like(node, ast.Constant(value + 1))
                yield "off by one", _like(node, _number(value - 1))
            case ast.BinOp(left=left, op=ast.Add() | ast.Sub() as operator, right=right):
                yield "part dropped", left
                if isinstance(operator, ast.Add):
                    yield "part dropped", right
                swapped = ast.Sub() if isinstance(operator, ast.Add) else ast.Add()
                yield "other sign", _like(node, ast.BinOp(left, swapped, right))
            case ast.Subscript(value=value, slice=ast.Slice(lower=lower, upper=upper)) if lower or upper:
                yield "part dropped", value

    def _of_calls(self, node: ast.expr) -> Iterator[tuple[str, ast.expr]]:
        match node:
            case ast.Call(func=ast.Name(id=name) as function, args=arguments) if name in _TWINS:
                twin, kind = _TWINS[name]
                yield kind, _like(node, ast.Call(_like(function, ast.Name(twin, ast.Load())), arguments, []))
            case ast.Call(func=ast.Attribute(value=owner, attr=name) as function, args=arguments) if name in _ENDS:
                end = _like(function, ast.Attribute(owner, _ENDS[name], ast.Load()))
                yield "other end", _like(node, ast.Call(end, arguments, []))
            case ast.Call(func=ast.Attribute(value=ast.Name(id="self"), attr=name), args=arguments):
                called = self._definition.methods.get(name)
                if called is not None:
                    yield from _swapped(node, arguments, [kind for _, kind in called.arguments])
            case ast.Call(func=ast.Name(id=name)) if name in self._definition.records:
                fields = dict(self._definition.records[name].fields)
                written = list(given(node, list(fields)))
                values, kinds = [value for _, value in written], [fields[field] for field, _ in written]
                yield from _swapped(node, values, kinds)
                for position, field in enumerate(kinds):
                    default = _default(field)
                    if default is not None:
                        changed = [*values[:position], _like(node, default), *values[position + 1 :]]
                        yield "field forgotten", _with(node, changed)
            case ast.Call(func=ast.Name(id="replace")) if len(node.keywords) > 1:
                for left_out in range(len(node.keywords)):
                    kept = node.keywords[:left_out] + node.keywords[left_out + 1 :]
                    yield "part dropped", _like(node, ast.Call(node.func, node.args, kept))

    def _global(self, name: str) -> Any:
        try:
            return global_value(self._method, name)
        except KeyError:
            return None

    def _other_members(self, node: ast.expr, member: Any) -> Iterator[tuple[str, ast.expr, dict[str, Any]]]:
        if isinstance(member, IntEnum):
            for other in type(member):
                if other is not member:
                    name = f"{type(member).__name__}.{other.name}"
                    yield "other member", ast.copy_location(ast.Name(name, ast.Load()), node), {name: other}


def _of_rounds(iterated: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    """Loops that leave rounds out. Where a sequence is no range, it must be one that can be cut."""
    match iterated:
        case ast.Call(func=ast.Name(id="reversed" | "enumerate") as function, args=[inner]):
            for kind, changed in _of_rounds(inner):
                yield kind, _like(iterated, ast.Call(function, [changed], []))
        case ast.Call(func=ast.Name(id="range") as function, args=[*ends]) if len(ends) <= 2:
            start, stop = (_number(0), ends[0]) if len(ends) == 1 else (ends[0], ends[1])
            after: ast.expr = ast.BinOp(start, ast.Add(), _number(1))
            if isinstance(start, ast.Constant) and isinstance(start.value, int):
                after = _number(start.value + 1)
            before = ast.BinOp(stop, ast.Sub(), _number(1))
            spans = {
                "first only": (start, _call("min", after, stop)),
                "last only": (_call("max", start, before), stop),
                "not the first": (after, stop),
                "not the last": (start, before),
            }
            for kind, span in spans.items():
                yield kind, _like(iterated, ast.Call(function, list(span), []))
        case ast.Name() | ast.Attribute() | ast.Subscript():
            last = _call("max", _number(0), ast.BinOp(_call("len", iterated), ast.Sub(), _number(1)))
            cuts = {
                "first only": ast.Slice(None, _number(1)),
                "last only": ast.Slice(last, None),
                "not the first": ast.Slice(_number(1), None),
                "not the last": ast.Slice(None, last),
            }
            for kind, cut in cuts.items():
                yield kind, _like(iterated, ast.Subscript(iterated, cut, ast.Load()))


def _swapped(
    node: ast.Call, arguments: Sequence[ast.expr], kinds: Sequence[Type | None]
) -> Iterator[tuple[str, ast.expr]]:
    """Calls with two arguments of one type in each other's place."""
    for one in range(len(arguments)):
        for other in range(one + 1, len(arguments)):
            if kinds[one] == kinds[other]:
                changed = list(arguments)
                changed[one], changed[other] = changed[other], changed[one]
                yield "arguments swapped", _with(node, changed)


def _with(node: ast.Call, values: Sequence[ast.expr]) -> ast.Call:
    """A call with other values, by position and by name as before."""
    count = len(node.args)
    named = [_like(word, ast.keyword(word.arg, v)) for word, v in zip(node.keywords, values[count:], strict=True)]
    made = _like(node, ast.Call(node.func, list(values[:count]), named))
    assert isinstance(made, ast.Call)
    return made


def _default(kind: Type) -> ast.expr | None:
    """What a field has that nobody thought of; None where that has no plain name."""
    if isinstance(kind, BoolType):
        return ast.Constant(False)
    if isinstance(kind, OptionType):
        return ast.Constant(None)
    if isinstance(kind, SeqType):
        return ast.Tuple([], ast.Load())
    return ast.Constant(0) if isinstance(kind, IntegerType | RangeType) else None


def _leaves(node: ast.stmt) -> bool:
    match node:
        case ast.Return() | ast.Break() | ast.Continue():
            return True
        case ast.Expr(value=ast.Call(func=ast.Name(id="reject"))):
            return True
    return False


def _negates_itself(condition: ast.expr) -> bool:
    """Whether the condition is negated as an expression, as a comparison is by another operator."""
    match condition:
        case ast.UnaryOp(op=ast.Not()):
            return True
        case ast.Compare(ops=[operator]):
            return type(operator) in _OPPOSITES
    return False


def _conditions(node: ast.AST) -> Iterator[Path]:
    match node:
        case ast.If() | ast.IfExp():
            yield (("test", -1),)
        case ast.comprehension(ifs=conditions):
            for position in range(len(conditions)):
                yield (("ifs", position),)


# Places and changes of a tree: what is changed is copied on the way to the root, and all else is shared


def _places(root: ast.FunctionDef) -> Iterator[tuple[Path, ast.AST]]:
    """Every node that may be changed, each with the way to it, parents first."""

    def below(node: ast.AST, path: Path) -> Iterator[tuple[Path, ast.AST]]:
        yield path, node
        for field, value in ast.iter_fields(node):
            if field in ("annotation", "target", "targets", "func", "op", "ctx"):
                if field == "func" and isinstance(value, ast.Attribute):
                    yield from below(value.value, (*path, (field, -1), ("value", -1)))
                continue
            for position, part in enumerate(value) if isinstance(value, list) else ((-1, value),):
                if isinstance(part, ast.AST) and not is_judgement(part):
                    yield from below(part, (*path, (field, position)))

    for position, statement in enumerate(root.body):
        if not is_judgement(statement):
            yield from below(statement, (("body", position),))


def _at(node: ast.AST, path: Path) -> ast.AST:
    for field, position in path:
        part = getattr(node, field)
        node = part if position < 0 else part[position]
    return node


def _changed(node: ast.AST, path: Path, change: Callable[[Any, int], Any]) -> Any:
    """`node` with the last field of `path` changed."""
    (field, position), rest = path[0], path[1:]
    made = copy.copy(node)
    value = getattr(node, field)
    if not rest:
        setattr(made, field, change(value, position))
    elif position < 0:
        setattr(made, field, _changed(value, rest, change))
    else:
        setattr(made, field, [*value[:position], _changed(value[position], rest, change), *value[position + 1 :]])
    return made


def _put(root: ast.FunctionDef, path: Path, new: ast.expr) -> ast.FunctionDef:
    """`root` with another expression at `path`."""

    def change(value: Any, position: int) -> Any:
        return new if position < 0 else [*value[:position], new, *value[position + 1 :]]

    found = _changed(root, path, change)
    assert isinstance(found, ast.FunctionDef)
    return found


def _spliced(root: ast.FunctionDef, path: Path, statements: list[ast.stmt], span: int) -> ast.FunctionDef:
    """`root` with `statements` in place of the `span` statements from `path` on."""

    def change(value: list[ast.stmt], position: int) -> list[ast.stmt]:
        made = [*value[:position], *statements, *value[position + span :]]
        anchor = value[position]
        made = [one if hasattr(one, "lineno") else ast.copy_location(one, anchor) for one in made]
        is_empty = all(isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant) for one in made)
        return [*made, ast.copy_location(ast.Pass(), anchor)] if is_empty and path[-1][0] == "body" else made

    found = _changed(root, path, change)
    assert isinstance(found, ast.FunctionDef)
    return found


def _like(node: ast.AST, new: Any) -> Any:
    return ast.copy_location(new, node)


def _number(value: int) -> ast.expr:
    return ast.Constant(value) if value >= 0 else ast.UnaryOp(ast.USub(), ast.Constant(-value))


def _call(name: str, *arguments: ast.expr) -> ast.Call:
    return ast.Call(ast.Name(name, ast.Load()), list(arguments), [])
