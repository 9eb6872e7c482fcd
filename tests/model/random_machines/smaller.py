"""Takes out of a failing machine what it does not need to fail in the same way."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from typing import Any


def smaller(text: str, fails: Callable[[str], bool], attempts: int = 600) -> str:
    """A machine that still fails, with as little in it as `attempts` trials can find."""
    tree = ast.parse(text)
    progress = True
    while progress and attempts > 0:
        progress = False
        for reduce in (_without_statement, _unwrapped, _simpler_expression):
            position = 0
            while attempts > 0:
                candidate = copy.deepcopy(tree)
                if not reduce(candidate, position):
                    break
                attempts -= 1
                written = _written(candidate)
                if written is not None and written != ast.unparse(tree) and fails(written):
                    tree, progress = candidate, True
                else:
                    position += 1
    return ast.unparse(tree)


def _written(tree: ast.Module) -> str | None:
    try:
        text = ast.unparse(ast.fix_missing_locations(tree))
        ast.parse(text)
    except (SyntaxError, ValueError):
        return None
    return text


def _bodies(tree: ast.Module) -> Iterator[list[ast.stmt]]:
    """The lists of statements, outermost first and from the end."""
    for node in ast.walk(tree):
        for name in ("body", "orelse"):
            body = getattr(node, name, None)
            if isinstance(body, list):
                yield body


def _without_statement(tree: ast.Module, position: int) -> bool:
    """Take out the statement at a position; False when there is none."""
    for body in _bodies(tree):
        if position < len(body):
            at = len(body) - 1 - position
            gone = body.pop(at)
            documented = at < len(body) and isinstance(gone, ast.AnnAssign) and isinstance(body[at], ast.Expr)
            if documented and isinstance(body[at].value, ast.Constant):  # type: ignore[attr-defined]
                body.pop(at)
            if not body:
                body.append(ast.Pass())
            return True
        position -= len(body)
    return False


def _unwrapped(tree: ast.Module, position: int) -> bool:
    """Put the body of an `if` or loop in its place."""
    for body in _bodies(tree):
        for at, statement in enumerate(body):
            for inner in ("body", "orelse"):
                if isinstance(statement, ast.If | ast.For) and getattr(statement, inner):
                    if position == 0:
                        body[at : at + 1] = getattr(statement, inner)
                        return True
                    position -= 1
    return False


def _simpler_expression(tree: ast.Module, position: int) -> bool:
    """Put a part of an expression, or a constant, in its place."""
    for owner, name, index, value in _expressions(tree):
        candidates: list[Any] = [child for child in ast.iter_child_nodes(value) if isinstance(child, ast.expr)]
        if isinstance(value, ast.BoolOp) and len(value.values) > 2:
            candidates += [ast.BoolOp(value.op, [v for v in value.values if v is not one]) for one in value.values]
        if isinstance(value, ast.Compare) and len(value.ops) > 1:
            candidates += [
                ast.Compare(value.left, value.ops[:-1], value.comparators[:-1]),
                ast.Compare(value.comparators[0], value.ops[1:], value.comparators[1:]),
            ]
        if not isinstance(value, ast.Constant):
            candidates += [ast.Constant(True), ast.Constant(0), ast.Constant(1)]
        if isinstance(value, ast.Call | ast.Compare | ast.BinOp | ast.BoolOp | ast.IfExp | ast.Subscript):
            candidates.append(ast.Constant(None))
        if position < len(candidates):
            chosen = candidates[position]
            if index is None:
                setattr(owner, name, chosen)
            else:
                getattr(owner, name)[index] = chosen
            return True
        position -= len(candidates)
    return False


def _expressions(tree: ast.Module) -> Iterator[tuple[ast.AST, str, int | None, ast.expr]]:
    """Expressions in methods that can be replaced."""
    machine = next((node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "M"), None)
    methods = [part for part in machine.body if isinstance(part, ast.FunctionDef)] if machine is not None else []
    for node in (part for method in methods for statement in method.body for part in ast.walk(statement)):
        if isinstance(node, ast.AnnAssign | ast.Attribute):
            if isinstance(node, ast.AnnAssign) and isinstance(node.value, ast.expr):
                yield node, "value", None, node.value
            continue
        for name, value in ast.iter_fields(node):
            if isinstance(value, ast.expr) and isinstance(getattr(value, "ctx", ast.Load()), ast.Load):
                if name not in ("func", "target"):
                    yield node, name, None, value
            elif isinstance(value, list):
                for index, part in enumerate(value):
                    if isinstance(part, ast.expr) and isinstance(getattr(part, "ctx", ast.Load()), ast.Load):
                        yield node, name, index, part
