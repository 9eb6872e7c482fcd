"""Reads a machine: its class, its methods and their syntax trees become a `Definition`, once it is in the language."""

from __future__ import annotations

import ast
import functools
import inspect
import typing
from collections.abc import Hashable
from typing import Any, cast

from kvproof.spec.lang.annotations import resolve
from kvproof.spec.lang.checker import check_machine
from kvproof.spec.lang.class_source import class_source
from kvproof.spec.lang.definition import FREE_FORM, Definition, Method, names_in
from kvproof.spec.lang.errors import NoFiniteType
from kvproof.spec.lang.machine import Machine, kind_of
from kvproof.spec.lang.names import check_names
from kvproof.spec.lang.overridden import with_overridden
from kvproof.spec.lang.record import Record
from kvproof.spec.lang.refusals import Refusal
from kvproof.spec.lang.state import StateVariable, lineage, state_types, unknown_name
from kvproof.spec.lang.types import Parameters, RecordType, Type, inner_types, is_finite
from kvproof.spec.lang.waived import check_waived, claimed


def compile_machine(cls: type[Machine[Any]]) -> Definition:
    """Read a machine, refuse what is outside the language (`LanguageError`), and return it as data; once for each class."""
    return _compiled(cast(Hashable, cls))


@functools.cache
def _compiled(machine: Hashable) -> Definition:
    cls = cast(type[Machine[Any]], machine)
    parameters = parameter_class(cls)
    state, methods = state_types(cast(Hashable, cls), Machine), _methods(cls)
    waived = check_waived(cls, methods)
    definition = Definition(
        name=cls.__name__,
        doc=inspect.cleandoc(cls.__doc__ or ""),
        cls=cls,
        parameters=parameters,
        state=state,
        methods=claimed(methods, waived),
        records=_records(state, methods),
        waived=waived,
    )
    check_machine(definition)
    check_names(definition)
    return definition


def _records(state: dict[str, StateVariable], methods: dict[str, Method]) -> dict[str, RecordType]:
    pending: list[Type | None] = [variable.type for variable in state.values()]
    for method in methods.values():
        pending += [*(kind for _, kind in method.arguments), method.returns]
        for node in names_in(method.node):
            value = method.namespace.get(node.id)
            if isinstance(value, type) and issubclass(value, Record):
                pending.append(_resolved(value, method.file, node.lineno, value.__name__))
    found: dict[str, RecordType] = {}
    while pending:
        kind = pending.pop()
        if isinstance(kind, RecordType) and kind.name not in found:
            found[kind.name] = kind
        if kind is not None:
            pending.extend(inner_types(kind))
    return found


def _methods(cls: type[Machine[Any]]) -> dict[str, Method]:
    found: dict[str, Method] = {}
    parts_of: dict[str, Method] = {}
    for owner in lineage(cls, Machine):
        source = class_source(owner)
        for node in source.node.body:
            if isinstance(node, ast.FunctionDef):
                function = _plain_function(owner, node, source.file)
                kind = "initial" if node.name == "initial" else kind_of(function)
                overridden = found.get(node.name)
                if overridden is not None and overridden.kind != kind:
                    raise Refusal.OVERRIDE_OF_OTHER_KIND.at(
                        source.file, node.lineno, name=node.name, kind=kind, overridden=overridden.kind
                    )
                method = _method(owner, node, inspect.unwrap(function), kind, source.file)
                method, parts = _with_overridden(method, found)
                parts_of.update(parts)
                found.update(parts)
                found[node.name] = method
            elif isinstance(node, ast.AsyncFunctionDef):
                raise Refusal.ASYNC.at(source.file, node.lineno)
    for name, method in found.items():
        if method.node.name in parts_of and hasattr(cls, name):
            raise Refusal.METHOD_HIDES_PART.at(method.file, method.line, name=name)
    return found


def _with_overridden(method: Method, found: dict[str, Method]) -> tuple[Method, dict[str, Method]]:
    return _resolved_calls(method, found.get(method.name))


@functools.cache
def _resolved_calls(method: Method, before: Method | None) -> tuple[Method, dict[str, Method]]:
    """The same for all machines in which one method overrides the other: they have them in common."""
    return with_overridden(method, {} if before is None else {before.name: before})


def _plain_function(owner: type, node: ast.FunctionDef, file: str) -> Any:
    """What a method of a machine is: a function with at most one mark."""
    function = owner.__dict__[node.name]
    if not inspect.isfunction(function) or len(node.decorator_list) > 1:
        marks = ", ".join(ast.unparse(decorator) for decorator in node.decorator_list)
        raise Refusal.DECORATED.at(file, node.lineno, name=node.name, marks=marks)
    return function


@functools.cache
def _method(owner: type, node: ast.FunctionDef, function: Any, kind: str, file: str) -> Method:
    hints: dict[str, Any] = {}
    if kind not in FREE_FORM or kind == "phase":
        try:
            hints = typing.get_type_hints(function, include_extras=True)
        except NameError as error:
            written = [argument.annotation for argument in node.args.args] + [node.returns]
            raise unknown_name(error, file, [part for part in written if part is not None], node.lineno) from error
        except (TypeError, AttributeError) as error:
            raise Refusal.ANNOTATION_UNREADABLE.at(file, node.lineno, error=error) from error
    arguments: list[tuple[str, Type | None]] = []
    returns: Type | None = None
    if kind == "phase":
        arguments = [(a.arg, _resolved(hints[a.arg], file, a.lineno, a.arg)) for a in node.args.args[1:]]
    if kind not in FREE_FORM:
        for argument in node.args.args[1:]:
            if argument.arg not in hints:
                raise Refusal.ARGUMENT_WITHOUT_TYPE.at(file, argument.lineno, argument=argument.arg, name=node.name)
            hint, line = hints[argument.arg], argument.lineno
            arguments.append((argument.arg, _argument(hint, kind, file, line, argument.arg)))
        result = hints.get("return", type(None))
        if kind == "trial" and result is not type(None):
            raise Refusal.TRIAL_RETURNS.at(file, node.lineno, name=node.name)
        if kind == "theorem" and result is not bool:
            raise Refusal.THEOREM_RESULT.at(file, node.lineno, name=node.name)
        returns = None if result in (type(None), typing.NoReturn) else _result(result, file, node.lineno)
    doc = inspect.cleandoc(ast.get_docstring(node) or "")
    namespace = function.__globals__
    return Method(node.name, kind, node, tuple(arguments), returns, doc, file, node.lineno, owner.__name__, namespace)


def _argument(hint: Any, kind: str, file: str, line: int, name: str) -> Type | None:
    if kind == "theorem":
        if hint is not int:
            raise Refusal.THEOREM_ARGUMENT.at(file, line, argument=name)
        return None
    if kind == "helper" and hint is int:
        return None
    found = _resolved(hint, file, line, name)
    if kind == "trial" and isinstance(found, RecordType):
        raise Refusal.TRIAL_TAKES_RECORD.at(file, line, argument=name)
    if kind != "helper" and not is_finite(found):
        raise Refusal.ARGUMENT_WITH_PLAIN_INT.at(file, line, argument=name)
    return found


def _result(annotation: Any, file: str, line: int) -> Type | None:
    """Results may be plain `int`: they are counts that no state variable holds."""
    return None if annotation is int else _resolved(annotation, file, line, "the result")


def _resolved(annotation: Any, file: str, line: int, name: str) -> Type:
    try:
        return resolve(annotation)
    except NoFiniteType as error:
        raise error.at(file, line, name) from error


def parameter_class(cls: type[Machine[Any]]) -> type[Parameters]:
    """The class of a machine's parameters, as the machine says: `Machine[..]`."""
    for owner in cls.__mro__:
        for base in getattr(owner, "__orig_bases__", ()):
            if typing.get_origin(base) is Machine:
                argument = typing.get_args(base)[0]
                if isinstance(argument, type) and issubclass(argument, Parameters):
                    return argument
    source = class_source(cast(Any, cls))
    raise Refusal.NO_PARAMETERS.at(source.file, source.node.lineno, machine=cls.__name__)
