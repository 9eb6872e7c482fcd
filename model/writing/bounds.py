"""Bounds and sizes of types as expressions over the parameters of a reference.

They are numbers or functions in the machine; a reference is text, so the source of such a function is looked up: that of a
lambda also inside an annotation, which is a string until it is evaluated.
"""

from __future__ import annotations

import ast
import builtins
import copy
import functools
import linecache
import sys
from types import CodeType, FunctionType
from typing import Any

from kvproof.spec.lang.refusals import Refusal
from kvproof.spec.lang.types import Index

BUILT_IN = ("abs", "int", "len", "max", "min", "pow", "round", "sum")


def bound_text(value: Any) -> str:
    """The expression of a bound: a number, or what a function of the parameters returns."""
    return str(value) if isinstance(value, int) else f"({_text(value)})"


def count_text(cls: type[Index]) -> str:
    """The expression that an index class returns from `count`."""
    return _text(cls.count.__func__)  # type: ignore[attr-defined]  # a class method


def constants_in(node: ast.AST, namespace: dict[str, Any]) -> None:
    """Write the numbers that a property of the parameters reads from its module in their place."""
    for part in ast.walk(node):
        for name, value in ast.iter_fields(part):
            if isinstance(value, ast.expr):
                setattr(part, name, _constant(value, namespace))
            elif isinstance(value, list):
                value[:] = [_constant(item, namespace) if isinstance(item, ast.expr) else item for item in value]


def _constant(node: ast.expr, namespace: dict[str, Any]) -> ast.expr:
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
        value = namespace.get(node.id)
        if isinstance(value, int):
            return ast.Constant(bool(value) if isinstance(value, bool) else int(value))
    return node


def _text(function: FunctionType) -> str:
    parameter, body = _returned(function)
    return ast.unparse(ast.fix_missing_locations(_Written(function, parameter).visit(copy.deepcopy(body))))


def _returned(function: FunctionType) -> tuple[str, ast.expr]:
    """The last parameter of a function, and the one expression that it returns."""
    code = function.__code__
    if code.co_name == "<lambda>":
        lambdas = [node for node in _nodes(_file(function)) if isinstance(node, ast.Lambda)]
        here = [node for node in lambdas if node.lineno == code.co_firstlineno]
        for node in (*here, *lambdas):
            if node.args.args and _is_code_of(node, code):
                return node.args.args[-1].arg, node.body
    for found in _nodes(_file(function)):
        if isinstance(found, ast.FunctionDef) and (found.name, _first_line(found)) == (
            code.co_name,
            code.co_firstlineno,
        ):
            match [part for part in found.body if not _is_doc(part)]:
                case [ast.Return(value=ast.expr() as value)] if found.args.args:
                    return found.args.args[-1].arg, value
    raise Refusal.BOUND_UNREADABLE.at(_file(function), code.co_firstlineno, bound=code.co_qualname)


def _file(function: FunctionType) -> str:
    """Where a function stands; one made from an annotation stands in the module of what is annotated."""
    file = function.__code__.co_filename
    if linecache.getlines(file):
        return file
    names = function.__globals__  # those of the module, or of the class around the annotation
    module = sys.modules.get(str(names.get("__module__", names.get("__name__"))))
    return str(getattr(module, "__file__", file))


@functools.cache
def _nodes(file: str) -> tuple[ast.AST, ...]:
    try:
        return tuple(ast.walk(ast.parse("".join(linecache.getlines(file)))))
    except SyntaxError:
        return ()


def _first_line(node: ast.FunctionDef) -> int:
    return min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])


def _is_doc(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _is_code_of(node: ast.Lambda, code: CodeType) -> bool:
    made = next(c for c in compile(ast.Expression(node), "<bound>", "eval").co_consts if isinstance(c, CodeType))
    same = (made.co_code, made.co_names, made.co_consts) == (code.co_code, code.co_names, code.co_consts)
    return same or (bool(code.co_freevars) and ast.unparse(node.body).count("lambda") == 0 and _alike(made, code))


def _alike(made: CodeType, code: CodeType) -> bool:
    """Whether a lambda differs from one compiled alone only in that it reads variables of the function around it."""
    names = {*made.co_names, *made.co_varnames}
    return names == {*code.co_names, *code.co_varnames, *code.co_freevars} and made.co_consts == code.co_consts


class _Written(ast.NodeTransformer):
    """Names of a bound as the reference has them."""

    def __init__(self, function: FunctionType, parameter: str) -> None:
        self._function = function
        self._parameter = parameter
        around = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
        self._values = {**function.__globals__, **{name: cell.cell_contents for name, cell in around}}

    def visit_Call(self, node: ast.Call) -> ast.AST:
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="count"), args=[ast.Name(id=given)]):
                cls = self._values.get(name)
                if given == self._parameter and isinstance(cls, type) and issubclass(cls, Index):
                    return ast.parse(count_text(cls), mode="eval").body
            case ast.Call(func=ast.Name(id=name), args=[ast.Name(id=given)]) if given == self._parameter:
                called = self._values.get(name)
                if isinstance(called, FunctionType):
                    return ast.parse(_text(called), mode="eval").body
        return self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if node.id == self._parameter:
            return ast.parse("self.params", mode="eval").body
        value = self._values.get(node.id)
        if isinstance(value, int):
            return ast.Constant(int(value))
        if node.id in BUILT_IN and value in (None, getattr(builtins, node.id)):
            return node
        code = self._function.__code__
        raise Refusal.BOUND_READS.at(_file(self._function), code.co_firstlineno, name=node.id)
