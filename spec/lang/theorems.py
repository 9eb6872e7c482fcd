"""What a theorem may be made of: arithmetic over all integers, which can be proved without fixing any size."""

from __future__ import annotations

import ast
from typing import Any, NoReturn, cast

import attrs

from kvproof.spec.lang.definition import Definition, Method, global_value
from kvproof.spec.lang.refusals import Refusal

ALLOWED = (
    ast.Constant,
    ast.Name,
    ast.BinOp,
    ast.UnaryOp,
    ast.BoolOp,
    ast.Compare,
    ast.IfExp,
    ast.Call,
    ast.Attribute,
)
COMPARISONS = (ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE)


def check_theorem(definition: Definition, method: Method) -> None:
    """Raise `LanguageError` where a theorem, or a helper that it calls, is more than arithmetic over integers."""
    *leading, last = _body(method)
    for statement in leading:
        match statement:
            case ast.Expr(value=ast.Call(func=ast.Name(id="assume"))) | ast.Assign(targets=[ast.Name()]):
                pass
            case _:
                _refuse(method, statement, Refusal.THEOREM_BODY)
    if not isinstance(last, ast.Return) or last.value is None:
        _refuse(method, last, Refusal.THEOREM_END)
    _check(definition, method, (method.name,))


def _check(definition: Definition, method: Method, path: tuple[str, ...]) -> None:
    if any(kind is not None for _, kind in method.arguments):
        _refuse(method, method.node, Refusal.THEOREM_HELPER, name=method.name)
    for statement in _body(method):
        _statement(definition, method, statement, path)


def _body(method: Method) -> list[ast.stmt]:
    return [s for s in method.node.body if not (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))]


def _statement(definition: Definition, method: Method, node: ast.stmt, path: tuple[str, ...]) -> None:
    match node:
        case ast.If(test=test, body=body, orelse=orelse):
            _expression(definition, method, test, path)
            for statement in (*body, *orelse):
                _statement(definition, method, statement, path)
        case ast.Assign(targets=[ast.Name()], value=value) | ast.Return(value=ast.expr() as value):
            _expression(definition, method, value, path)
        case ast.AnnAssign(target=ast.Name(), value=ast.expr() as value):
            _expression(definition, method, value, path)
        case ast.Expr(value=ast.Call(func=ast.Name(id="assume"), args=[condition])):
            _expression(definition, method, condition, path)
        case ast.Pass():
            pass
        case _:
            _refuse(method, node, Refusal.THEOREM_PART, source=f"`{ast.unparse(node).splitlines()[0]}`")


def _expression(definition: Definition, method: Method, node: ast.expr, path: tuple[str, ...]) -> None:
    if not isinstance(node, ALLOWED):
        _refuse(method, node, Refusal.THEOREM_PART, source=ast.unparse(node))
    match node:
        case ast.Attribute(value=ast.Attribute(value=ast.Name(id="self"), attr="params"), attr=name):
            if name not in {field.name for field in attrs.fields(cast(Any, definition.parameters))}:
                _refuse(method, node, Refusal.THEOREM_PROPERTY, source=ast.unparse(node))
            return
        case ast.Attribute():
            if not isinstance(node.value, ast.Name) or node.value.id == "self":
                _refuse(method, node, Refusal.THEOREM_PART, source=ast.unparse(node))
            return
        case ast.Compare(ops=ops) if not all(isinstance(operator, COMPARISONS) for operator in ops):
            _refuse(method, node, Refusal.THEOREM_PART, source=ast.unparse(node))
        case ast.Name(id=name) if isinstance(_known(method, name), type):
            _refuse(method, node, Refusal.THEOREM_PART, source=name)
        case ast.Call(func=ast.Name(id="min" | "max")):
            pass
        case ast.Call(func=ast.Attribute(value=ast.Name(id="self"), attr=name)) if name in definition.methods:
            called = definition.methods[name]
            if name in path:
                _refuse(method, node, Refusal.THEOREM_RECURSION, name=name)
            if called.kind != "helper":
                _refuse(method, node, Refusal.THEOREM_CALLS, kind=called.kind, name=name)
            _check(definition, called, (*path, name))
        case ast.Call():
            _refuse(method, node, Refusal.THEOREM_PART, source=ast.unparse(node))
    for part in node.args if isinstance(node, ast.Call) else ast.iter_child_nodes(node):
        if isinstance(part, ast.expr):
            _expression(definition, method, part, path)


def _known(method: Method, name: str) -> Any:
    try:
        return global_value(method, name)
    except KeyError:
        return None


def _refuse(method: Method, node: ast.AST, refusal: Refusal, **values: Any) -> NoReturn:
    raise refusal.at(method.file, getattr(node, "lineno", method.line), **values)
