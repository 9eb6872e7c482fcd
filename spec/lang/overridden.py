"""Calls of what a method overrides, `super().m(..)`: the overridden method becomes one of the machine's own, under a name.

Whoever reads a machine finds an ordinary call then. A step in which the overridden one is called is one step: the rules of
both are its rules, and it is logged once.
"""

from __future__ import annotations

import ast
from typing import Any

import attrs

from kvproof.spec.lang.definition import PARTS, Method
from kvproof.spec.lang.refusals import Refusal


def with_overridden(method: Method, methods: dict[str, Method]) -> tuple[Method, dict[str, Method]]:
    """A method with its calls of what it overrides resolved, and the methods that this takes, by name.

    `methods` are those of the classes before, in the order in which Python looks for them.
    """
    calls = [found for found in map(_overridden, ast.walk(method.node)) if found is not None]
    if not calls:
        return method, {}
    for called in calls:
        if called.attr != method.name:
            raise Refusal.SUPER_OF_OTHER.at(method.file, called.lineno, other=called.attr, name=method.name)
    before = methods.get(method.name)
    if before is None:
        raise Refusal.SUPER_OF_NOTHING.at(method.file, calls[0].lineno, name=method.name)
    if method.kind not in PARTS:
        raise Refusal.SUPER_IN_THEOREM.at(method.file, calls[0].lineno, name=method.name)
    name = f"{method.name}_of_{before.owner}"
    node = _Resolved(name).visit(_copied(method.node))
    part = attrs.evolve(before, name=name, kind=PARTS[method.kind], node=_renamed(before.node, name))
    return attrs.evolve(method, node=node), {name: part}


def _overridden(node: ast.AST) -> ast.Attribute | None:
    """What a call names that asks for what is overridden."""
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Call(func=ast.Name(id="super"), args=[], keywords=[])) as function):
            return function
    return None


class _Resolved(ast.NodeTransformer):
    def __init__(self, name: str) -> None:
        self._name = name

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if _overridden(node) is not None:
            owner = ast.copy_location(ast.Name("self", ast.Load()), node.func)
            node.func = ast.copy_location(ast.Attribute(owner, self._name, ast.Load()), node.func)
        return node


def _renamed(node: ast.FunctionDef, name: str) -> ast.FunctionDef:
    made = ast.FunctionDef(**{**dict(ast.iter_fields(node)), "name": name, "decorator_list": []})
    return ast.copy_location(made, node)


def _copied(value: Any) -> Any:
    """A copy of a syntax tree: that of the class is shared by all machines that derive it."""
    if isinstance(value, list):
        return [_copied(part) for part in value]
    if not isinstance(value, ast.AST):
        return value
    made = type(value)()
    made.__dict__.update({name: _copied(part) for name, part in value.__dict__.items()})
    return made
