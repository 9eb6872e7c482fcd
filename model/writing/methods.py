"""How the methods of a machine are written in its reference."""

from __future__ import annotations

import ast
import functools
import re
import textwrap
from enum import IntEnum
from typing import Any

from kvproof.model.writing.checks import Checked, Findings, key_of, keys_text
from kvproof.model.writing.types import every_text, order_text
from kvproof.spec.lang.definition import FREE_FORM, Method
from kvproof.spec.lang.types import EnumType, Index, IndexType, MapType, PartialMapType, SetType, Type

Branch = tuple[str, int, str]
"""The method, the line and the arm."""

State = tuple[tuple[str, Type], ...]
"""The types of the state variables, by name."""

_MARKED = re.compile(r"self\.coverage\.add\((\d+)\)")


def method_text(
    method: Method, first: int, needed: Findings | None, state: State, running: bool, enforce: bool
) -> tuple[str, list[Branch]]:
    """How a method is written, its branches numbered from `first`, and these branches.

    `needed` are the tests in a method of the language, `state` the types that free ones read; the branches of methods that
    are not `running` are not marked; for `enforce` see `source`.
    """
    text, branches = _method_text(method, needed, state if method.kind in FREE_FORM else (), running, enforce)
    if first and branches:
        text = _MARKED.sub(lambda mark: f"self.coverage.add({first + int(mark[1])})", text)
    return text, branches


@functools.cache
def _method_text(
    method: Method, needed: Findings | None, state: State, running: bool, enforce: bool
) -> tuple[str, list[Branch]]:
    """The same with branches numbered from 0: a machine and its variants have most methods in common."""
    node = _copied(method.node)
    node.decorator_list = []
    branches: list[Branch] = []
    if method.kind in FREE_FORM:
        rewritten = FreeForm(method, dict(state)).visit(node)
    else:
        rewriter = Rewriter(method, running, enforce)
        rewritten, branches = rewriter.rewrite(node), rewriter.branches
        if needed is not None:
            rewritten = Checked(needed).visit(rewritten)
    documentation = ast.get_docstring(rewritten)
    if documentation is not None:
        closing = "\n    " if "\n" in documentation else ""
        rewritten.body[0] = ast.Expr(ast.Constant(textwrap.indent(documentation, "    ").strip() + closing))
    return ast.unparse(ast.fix_missing_locations(rewritten)), branches


def _copied(value: Any) -> Any:
    """A copy of a syntax tree; `copy.deepcopy` takes several times as long."""
    if isinstance(value, list):
        return [_copied(part) for part in value]
    if not isinstance(value, ast.AST):
        return value
    copied = type(value)()
    copied.__dict__.update({name: _copied(part) for name, part in value.__dict__.items()})
    return copied


LISTING = ("enumerate", "filter", "iter", "list", "map", "tuple", "zip")
"""Functions of Python that take what they are given in its order."""


class FreeForm(ast.NodeTransformer):
    """Ordinary Python methods: only names of index classes, the values of maps and, at first, keys of total maps change."""

    def __init__(self, method: Method, state: dict[str, Type]) -> None:
        self._method = method
        self._state = state
        self._names: dict[str, Type | None] = {}
        """The containers of the state that have second names, by these; None for a name that also means something else."""
        for node in ast.walk(method.node):
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                name, kind = node.targets[0].id, self._kind(node.value)
                self._names[name] = kind if self._names.get(name, kind) == kind else None

    def _kind(self, node: ast.expr) -> Type | None:
        """What a part of the state is that is read by its name; None of all else."""
        match node:
            case ast.Attribute(value=ast.Name(id="self"), attr=name):
                return self._state.get(name)
            case ast.Name(id=name):
                return self._names.get(name)
            case ast.Subscript(value=owner):
                kind = self._kind(owner)
                return kind.value if isinstance(kind, MapType | PartialMapType) else None
        return None

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        kind, written = self._kind(node.value), ast.unparse(node)
        self.generic_visit(node)
        if self._method.role != "initial" or not isinstance(kind, MapType):
            return node
        if isinstance(kind.key, IndexType | EnumType) or not isinstance(node.ctx, ast.Load):
            node.slice = key_of(node, keys_text(kind.key), written)
        return node

    def visit_For(self, node: ast.For) -> ast.AST:
        ordered = self._in_order(node.iter)
        self.generic_visit(node)
        node.iter = _call(ordered, [node.iter]) if ordered else node.iter
        return node

    def visit_comprehension(self, node: ast.comprehension) -> ast.AST:
        ordered = self._in_order(node.iter)
        self.generic_visit(node)
        node.iter = _call(ordered, [node.iter]) if ordered else node.iter
        return node

    def visit_Starred(self, node: ast.Starred) -> ast.AST:
        ordered = self._in_order(node.value)
        self.generic_visit(node)
        node.value = _call(ordered, [node.value]) if ordered else node.value
        return node

    def _in_order(self, node: ast.expr) -> str:
        """What puts a set of the state in order; "" for all else."""
        kind = self._kind(node)
        return order_text(kind.inner) if isinstance(kind, SetType) else ""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if isinstance(node.func, ast.Name) and node.func.id in LISTING and node.args:
            ordered = [self._in_order(argument) for argument in node.args]
            self.generic_visit(node)
            pairs = zip(ordered, node.args, strict=True)
            node.args = [_call(order, [argument]) if order else argument for order, argument in pairs]
            return node
        reads = isinstance(node.func, ast.Attribute) and isinstance(self._kind(node.func.value), PartialMapType)
        self.generic_visit(node)
        every = _every(node, self._method)
        if every is not None:
            return every
        if reads and isinstance(node.func, ast.Attribute) and node.func.attr == "values":
            return _call("_ascending", [node.func.value])
        value = self._method.namespace.get(node.func.id) if isinstance(node.func, ast.Name) else None
        if isinstance(value, type) and issubclass(value, Index):
            return node.args[0]
        return node

    def visit_Dict(self, node: ast.Dict) -> ast.AST:
        self.generic_visit(node)
        for position, key in enumerate(node.keys):
            value = self._method.namespace.get(key.id) if isinstance(key, ast.Name) else None
            if isinstance(value, type) and issubclass(value, Index):
                node.keys[position] = ast.Constant(value.__name__)
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self.generic_visit(node)
        if self._method.role == "canonical" and node.name == self._method.name:
            node.returns = ast.parse("dict[str, list[int]]", mode="eval").body
        return node


class Rewriter(ast.NodeTransformer):
    """Methods in the language."""

    def __init__(self, method: Method, running: bool, enforce: bool) -> None:
        self.branches: list[Branch] = []
        self._enforce = enforce
        self._method = method
        self._running = running

    def rewrite(self, node: ast.FunctionDef) -> ast.FunctionDef:
        self.generic_visit(node)
        if self._method.kind == "step":
            names = ", ".join(name for name, _ in self._method.arguments)
            report = ast.parse(
                f"if self.on_step is not None:\n    self.on_step({node.name!r}, ({names}{',' if names else ''}))\n"
                "self.steps_taken += 1"
            ).body
            rules = 0
            for position, statement in enumerate(node.body):
                if isinstance(statement, ast.If) and isinstance(statement.body[0], ast.Raise):
                    rules = position + 1
                elif position == 0 and ast.get_docstring(node) is not None:
                    rules = 1
            node.body[rules:rules] = report
        return node

    def _branch(self, node: ast.stmt, arm: str) -> ast.stmt:
        if not self._running:
            return ast.Pass()
        number = len(self.branches)
        self.branches.append((self._method.name, node.lineno, arm))
        return ast.parse(f"self.coverage.add({number})").body[0]

    def visit_If(self, node: ast.If) -> ast.AST:
        then, other = self._branch(node, "then"), self._branch(node, "else")
        self.generic_visit(node)
        if not isinstance(then, ast.Pass):
            node.body.insert(0, then)
            node.orelse.insert(0, other)
        return node

    def visit_For(self, node: ast.For) -> ast.AST:
        entered = self._branch(node, "loop")
        self.generic_visit(node)
        if not isinstance(entered, ast.Pass):
            node.body.insert(0, entered)
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        self.generic_visit(node)
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        converted = converted_to(node, self._method)
        written = "" if converted is None else ast.unparse(node)
        self.generic_visit(node)
        every = _every(node, self._method)
        if every is not None:
            return every
        if isinstance(node.func, ast.Attribute) and node.func.attr == "values":
            return _call("_ascending", [node.func.value])
        if converted is not None:
            values = ast.parse(
                every_text(converted) if issubclass(converted, Index) else converted.__name__, mode="eval"
            )
            return ast.copy_location(_call("_converted", [*node.args, values.body, ast.Constant(written)]), node)
        if isinstance(node.func, ast.Name) and node.func.id == "choose":
            return _call("self._choose", node.args)
        return node

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        call = node.value
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name):
            if call.func.id in ("require", "ensure"):
                if call.func.id == "require" and not self._enforce:
                    return ast.copy_location(ast.Pass(), node)
                self.generic_visit(node)
                broken = ast.If(ast.UnaryOp(ast.Not(), call.args[0]), [_raise("RuleBroken", call.args[1])], [])
                return ast.copy_location(broken, node)
            if call.func.id == "assume":
                self.generic_visit(node)
                raised = ast.Raise(ast.Call(ast.Name("NotAssumed", ast.Load()), [], []), None)
                return ast.copy_location(ast.If(ast.UnaryOp(ast.Not(), call.args[0]), [raised], []), node)
            if call.func.id == "reject":
                return ast.copy_location(_raise("Rejected", call.args[0]), node)
            if call.func.id == "sometimes":
                return ast.copy_location(
                    ast.Expr(ast.Call(ast.parse("self._reach", mode="eval").body, call.args, [])), node
                )
        self.generic_visit(node)
        return node


def converted_to(node: ast.Call, method: Method) -> type[Index] | type[IntEnum] | None:
    """The class to whose values a call converts a number."""
    cls = method.namespace.get(node.func.id) if isinstance(node.func, ast.Name) else None
    return cls if isinstance(cls, type) and issubclass(cls, Index | IntEnum) else None


def _raise(name: str, argument: ast.expr) -> ast.Raise:
    return ast.Raise(ast.Call(ast.Name(name, ast.Load()), [argument], []), None)


def _every(node: ast.Call, method: Method) -> ast.expr | None:
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id="self"), attr="every"), args=[ast.Name(id=name)]):
            cls = method.namespace.get(name)
            if isinstance(cls, type) and issubclass(cls, Index):
                return ast.parse(every_text(cls), mode="eval").body
    return None


def _call(function: str, arguments: list[ast.expr]) -> ast.Call:
    return ast.Call(ast.parse(function, mode="eval").body, arguments, [])
