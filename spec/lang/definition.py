"""A machine as data: its types, state variables and methods with their syntax trees, checked when it is compiled."""

from __future__ import annotations

import ast
import functools
import hashlib
import inspect
import typing
from collections.abc import Hashable
from enum import IntEnum
from typing import Any, cast

import attrs

from kvproof.spec.lang.class_source import annotations_of, class_source, record_source
from kvproof.spec.lang.errors import LanguageError
from kvproof.spec.lang.machine import Machine, _GhostMark, kind_of
from kvproof.spec.lang.record import Record
from kvproof.spec.lang.types import (
    Index,
    Parameters,
    RecordType,
    Type,
    annotations_in_module,
    inner_types,
    is_finite,
    resolve,
)

FREE_FORM = ("observation", "canonical", "phase", "initial")
"""Kinds of method that are ordinary Python: they run, and no checker reads them."""

RESERVED = frozenset(
    [
        "params",
        "on_step",
        "attempt",
        "enabled",
        "restore",
        "coverage",
        "events",
        "script",
        "offered",
        "steps_taken",
        "Rejected",
        "RuleBroken",
        "depth",
        "reached",
        "note_state",
        "DEFINITION",
        "BRANCHES",
        "EVENTS",
        "INVARIANTS",
        "OPERATIONS",
        "PARAMETERS",
        "READERS",
        "RECORD_RESULTS",
        "SPECIFICATION",
        "STEPS",
        "TRIALS",
        "TYPED",
    ]
)
"""Names that machines and their references have for themselves, beside those of the methods of `Machine`."""


@attrs.frozen
class StateVariable:
    """One annotated variable of a machine; `doc` is the string literal that follows its annotation."""

    name: str
    type: Type
    ghost: bool
    doc: str
    owner: str
    annotation: str


@attrs.frozen(eq=False)
class Method:
    """One method; `node` has absolute line numbers, `namespace` resolves its global names.

    Arguments and results of helpers may be plain `int` (a count that no state variable holds): their type is None.
    """

    name: str
    kind: str
    node: ast.FunctionDef
    arguments: tuple[tuple[str, Type | None], ...]
    returns: Type | None
    doc: str
    file: str
    line: int
    owner: str
    namespace: dict[str, Any]

    def literals(self, function: str, position: int) -> list[str]:
        """String literals at argument `position` of the calls of `function` in this method, in order of appearance."""
        found = []
        for call in _calls_of_functions(self.node).get(function, ()):
            argument = call.args[position]
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                found.append(argument.value)
        return found


@functools.cache
def _calls_of_functions(node: ast.FunctionDef) -> dict[str, list[ast.Call]]:
    """The calls of plain names in a method, by name, in order of appearance."""
    found: dict[str, list[ast.Call]] = {}
    for part in ast.walk(node):
        if isinstance(part, ast.Call) and isinstance(part.func, ast.Name):
            found.setdefault(part.func.id, []).append(part)
    return found


@attrs.frozen(eq=False)
class Definition:
    """Everything that is derived from starts here."""

    name: str
    doc: str
    cls: type[Machine[Any]]
    parameters: type[Parameters]
    state: dict[str, StateVariable]
    methods: dict[str, Method]
    records: dict[str, RecordType]
    """Every record class that the state, an argument, a result or a method's body names, by name."""

    def of_kind(self, kind: str) -> dict[str, Method]:
        """The methods of one kind, in order of definition."""
        return {name: method for name, method in self.methods.items() if method.kind == kind}

    def rules(self) -> dict[str, Method]:
        """Every protocol rule and the method that states it."""
        return {rule: m for m in self.methods.values() for rule in m.literals("require", 1)}

    def promises(self) -> dict[str, tuple[Method, ...]]:
        """Every promise that operations ensure, and the methods that state it."""
        found: dict[str, tuple[Method, ...]] = {}
        for method in self.methods.values():
            for promise in dict.fromkeys(method.literals("ensure", 1)):
                found[promise] = (*found.get(promise, ()), method)
        return found

    def trials(self) -> dict[str, Method]:
        """Every trial, in order of definition."""
        return self.of_kind("trial")

    def theorems(self) -> dict[str, Method]:
        """Every theorem, in order of definition."""
        return self.of_kind("theorem")

    def errors(self) -> dict[str, tuple[Method, ...]]:
        """Every error with which an operation may be rejected, and who raises it."""
        found: dict[str, tuple[Method, ...]] = {}
        for method in self.methods.values():
            for error in method.literals("reject", 0):
                found[error] = (*found.get(error, ()), method)
        return found

    def events(self) -> dict[str, Method]:
        """Every `sometimes` event and the method that marks it."""
        return {event: m for m in self.methods.values() for event in m.literals("sometimes", 0)}

    def digest(self) -> str:
        """Names this specification: changes with its meaning, not with comments or layout (first 16 hex digits)."""
        return _digest(self)


@functools.cache
def _digest(definition: Definition) -> str:
    text = hashlib.sha256()
    for variable in definition.state.values():
        text.update(f"{variable.name}: {variable.annotation} {type_source(variable.type)}\n".encode())
    for method in definition.methods.values():
        text.update(f"{method.kind} {method.name} ".encode())
        text.update(_meaning(method.node).encode())
    for record in sorted(definition.records):
        kind = definition.records[record]
        written = record_source(kind.cls).annotations.values()
        text.update(f"record {type_source(kind)} {', '.join(written)}\n".encode())
    for cls in parameter_lineage(definition.parameters):
        text.update(inspect.getsource(cls).encode())
    return text.hexdigest()[:16]


@functools.cache
def names_in(node: ast.FunctionDef) -> tuple[ast.Name, ...]:
    """Every name in a method, breadth first."""
    return tuple(part for part in ast.walk(node) if isinstance(part, ast.Name))


@functools.cache
def _meaning(node: ast.FunctionDef) -> str:
    """A method's arguments, the type of its result and its body, without its documentation."""
    body = node.body
    if body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        body = body[1:]
    # unparsed, not dumped: the dump of the same source differs between versions of Python
    result = "" if node.returns is None else ast.unparse(node.returns)
    return f"{ast.unparse(node.args)} -> {result}\n" + "\n".join(ast.unparse(statement) for statement in body)


def _lineage(cls: type[Machine[Any]]) -> list[type]:
    """The machine classes from the most basic to `cls`."""
    return [c for c in reversed(cls.__mro__) if issubclass(c, Machine) and c is not Machine]


@functools.cache
def state_types(cls: Hashable) -> dict[str, StateVariable]:
    """State variables of a machine, those of base classes first."""
    found: dict[str, StateVariable] = {}
    for owner in _lineage(cast(type[Machine[Any]], cls)):
        source = class_source(owner)
        docs, annotations = annotations_of(source.node)
        try:
            hints = annotations_in_module(owner)
        except NameError as error:
            raise _unknown(error, source.file, list(annotations.values()), source.node.lineno) from error
        for name in owner.__dict__.get("__annotations__", {}):
            annotation, ghost = hints[name], False
            if typing.get_origin(annotation) is typing.ClassVar:
                continue
            if name in RESERVED or hasattr(Machine, name) or name.startswith("_"):
                problem = f"state variable {name} hides what every machine has under that name"
                raise LanguageError(source.file, annotations[name].lineno, problem, "Give it another name")
            if name in owner.__dict__:
                problem = f"state variable {name} is given a value in the class"
                raise LanguageError(
                    source.file, annotations[name].lineno, problem, "Give it its first value in initial()"
                )
            if typing.get_origin(annotation) is typing.Annotated and _GhostMark in annotation.__metadata__:
                rest = tuple(m for m in annotation.__metadata__ if m is not _GhostMark)
                base = typing.get_args(annotation)[0]
                annotation, ghost = (typing.Annotated[(base, *rest)] if rest else base), True
            try:
                kind = resolve(annotation)
            except TypeError as error:
                line = annotations[name].lineno
                raise LanguageError(source.file, line, f"state variable {name}: {error}", "") from error
            if not is_finite(kind):
                problem = f"state variable {name} holds a record with a plain int"
                raise LanguageError(source.file, annotations[name].lineno, problem, "Give the field a type with bounds")
            written = ast.unparse(annotations[name])
            found[name] = StateVariable(name, kind, ghost, docs.get(name, ""), owner.__name__, written)
    return found


def _unknown(error: NameError, file: str, annotations: list[ast.expr], line: int) -> LanguageError:
    """What an annotation says that names something unknown, at its line."""
    for annotation in annotations:
        if any(isinstance(part, ast.Name) and part.id == error.name for part in ast.walk(annotation)):
            line = annotation.lineno
    return LanguageError(file, line, f"an annotation names {error.name}, which is unknown", "Define or import it")


def _methods(cls: type[Machine[Any]]) -> dict[str, Method]:
    found: dict[str, Method] = {}
    for owner in _lineage(cls):
        source = class_source(owner)
        for node in source.node.body:
            if isinstance(node, ast.FunctionDef):
                function = _plain_function(owner, node, source.file)
                kind = "initial" if node.name == "initial" else kind_of(function)
                overridden = found.get(node.name)
                if overridden is not None and overridden.kind != kind:
                    problem = f"{node.name} is marked {kind} but overrides a method marked {overridden.kind}"
                    raise LanguageError(source.file, node.lineno, problem, f"Mark it @{overridden.kind} too")
                found[node.name] = _method(owner, node, inspect.unwrap(function), kind, source.file)
            elif isinstance(node, ast.AsyncFunctionDef):
                raise LanguageError(source.file, node.lineno, "an async method", "Machines are sequential: use def")
    return found


def _plain_function(owner: type, node: ast.FunctionDef, file: str) -> Any:
    """What a method of a machine is: a function with at most one mark."""
    function = owner.__dict__[node.name]
    if not inspect.isfunction(function) or len(node.decorator_list) > 1:
        marks = ", ".join(ast.unparse(decorator) for decorator in node.decorator_list)
        problem = f"method {node.name} is decorated with {marks}"
        raise LanguageError(file, node.lineno, problem, "Give it one of the marks of the language, or none")
    return function


@functools.cache
def _method(owner: type, node: ast.FunctionDef, function: Any, kind: str, file: str) -> Method:
    hints: dict[str, Any] = {}
    if kind not in FREE_FORM or kind == "phase":
        try:
            hints = typing.get_type_hints(function, include_extras=True)
        except NameError as error:
            written = [argument.annotation for argument in node.args.args] + [node.returns]
            raise _unknown(error, file, [part for part in written if part is not None], node.lineno) from error
    arguments: list[tuple[str, Type | None]] = []
    returns: Type | None = None
    if kind == "phase":
        arguments = [(a.arg, _resolved(hints[a.arg], file, a.lineno, a.arg)) for a in node.args.args[1:]]
    if kind not in FREE_FORM:
        for argument in node.args.args[1:]:
            if argument.arg not in hints:
                problem = f"argument {argument.arg} of {node.name} has no type"
                raise LanguageError(file, argument.lineno, problem, "Annotate it with a finite type")
            hint, line = hints[argument.arg], argument.lineno
            arguments.append((argument.arg, _argument(hint, kind, file, line, argument.arg)))
        result = hints.get("return", type(None))
        if kind == "trial" and result is not type(None):
            raise LanguageError(file, node.lineno, f"trial {node.name} returns something", "State it with ensure(..)")
        if kind == "theorem" and result is not bool:
            raise LanguageError(file, node.lineno, f"theorem {node.name} does not return bool", "Annotate it -> bool")
        returns = None if result in (type(None), typing.NoReturn) else _result(result, file, node.lineno)
    doc = inspect.cleandoc(ast.get_docstring(node) or "")
    namespace = function.__globals__
    return Method(node.name, kind, node, tuple(arguments), returns, doc, file, node.lineno, owner.__name__, namespace)


def _argument(hint: Any, kind: str, file: str, line: int, name: str) -> Type | None:
    if kind == "theorem":
        if hint is not int:
            raise LanguageError(file, line, f"{name}: a theorem speaks of all integers", "Annotate it with plain int")
        return None
    if kind == "helper" and hint is int:
        return None
    found = _resolved(hint, file, line, name)
    if kind == "trial" and isinstance(found, RecordType):
        raise LanguageError(file, line, f"{name}: a trial takes no records", "Give it the fields one by one")
    if kind != "helper" and not is_finite(found):
        problem = f"{name}: an argument that any caller gives holds a record with a plain int"
        raise LanguageError(file, line, problem, "Give the field a type with bounds")
    return found


def _result(annotation: Any, file: str, line: int) -> Type | None:
    """Results may be plain `int`: they are counts that no state variable holds."""
    return None if annotation is int else _resolved(annotation, file, line, "the result")


def _resolved(annotation: Any, file: str, line: int, name: str) -> Type:
    try:
        return resolve(annotation)
    except TypeError as error:
        raise LanguageError(file, line, f"{name}: {error}", "") from error


def compile_machine(cls: type[Machine[Any]]) -> Definition:
    """Read a machine, refuse what is outside the language (`LanguageError`), and return it as data; once for each class."""
    return _compiled(cast(Hashable, cls))


@functools.cache
def _compiled(machine: Hashable) -> Definition:
    from kvproof.spec.lang.checker import check_machine
    from kvproof.spec.lang.names import check_names

    cls = cast(type[Machine[Any]], machine)
    parameters = _parameter_class(cls)
    state, methods = state_types(cast(Hashable, cls)), _methods(cls)
    definition = Definition(
        name=cls.__name__,
        doc=inspect.cleandoc(cls.__doc__ or ""),
        cls=cls,
        parameters=parameters,
        state=state,
        methods=methods,
        records=_records(state, methods),
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


def parameter_lineage(cls: type[Parameters]) -> list[type[Parameters]]:
    """The classes that declare parameters, from the most basic to `cls`."""
    return [c for c in reversed(cls.__mro__) if issubclass(c, Parameters) and c is not Parameters]


def _parameter_class(cls: type[Machine[Any]]) -> type[Parameters]:
    for owner in cls.__mro__:
        for base in getattr(owner, "__orig_bases__", ()):
            if typing.get_origin(base) is Machine:
                argument = typing.get_args(base)[0]
                if isinstance(argument, type) and issubclass(argument, Parameters):
                    return argument
    file = inspect.getsourcefile(cls) or "<unknown>"
    remedy = "Derive from Machine[YourParameters], YourParameters an attrs class deriving Parameters"
    raise LanguageError(
        file, class_source(cast(Any, cls)).node.lineno, f"{cls.__name__} has no parameter class", remedy
    )


def type_source(kind: Type) -> str:
    """The text that fixes a type's meaning: names, bounds and sizes as they are written."""
    parts = [type(kind).__name__]
    if isinstance(kind, RecordType):
        parts += [kind.name, *(f"{name}: {type_source(field)}" for name, field in kind.fields)]
        return f"({' '.join(parts)})"
    for field in attrs.fields(cast(Any, type(kind))):
        value = getattr(kind, field.name)
        if isinstance(value, Type):
            parts.append(type_source(value))
        elif isinstance(value, type) and issubclass(value, IntEnum):
            parts.append(f"{value.__name__}{[member.name for member in value]}")
        elif isinstance(value, type) and issubclass(value, Index):
            parts.append(f"{value.__name__}:{_text(value.count)}")
        else:
            parts.append(_text(value) if callable(value) else repr(value))
    return f"({' '.join(parts)})"


def _text(function: Any) -> str:
    try:
        return "".join(inspect.getsource(function).split())
    except OSError:
        # A lambda inside an annotation, which is a string until it is resolved: the text of the annotation has it.
        return "as annotated"


def global_value(method: Method, name: str) -> Any:
    """What a global name in a method stands for: an int, an enum or its member, an index class or a record class."""
    value = method.namespace.get(name)
    if isinstance(value, bool | int | IntEnum):
        return value
    if isinstance(value, type) and issubclass(value, IntEnum | Index | Record):
        return value
    raise KeyError(name)
