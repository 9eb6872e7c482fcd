"""A machine as data: its types, state variables and methods with their syntax trees."""

from __future__ import annotations

import ast
import functools
import hashlib
import inspect
from enum import IntEnum
from typing import Any, cast

import attrs

from kvproof.spec.lang.class_source import record_source
from kvproof.spec.lang.machine import Machine
from kvproof.spec.lang.record import Record
from kvproof.spec.lang.state import StateVariable
from kvproof.spec.lang.types import Index, Parameters, RecordType, Type

_ORDINARY = ("observation", "canonical", "phase", "initial")
FREE_FORM = (*_ORDINARY, *(f"{kind} part" for kind in _ORDINARY))
"""Kinds of method that are ordinary Python: they run, and no checker reads them."""

PARTS = {
    "step": "step part",
    "operation": "operation part",
    "trial": "trial part",
    "invariant": "helper",
    "normal_form": "helper",
    "helper": "helper",
    **{kind: f"{kind} part" for kind in _ORDINARY},
}
"""What a method is that another of its kind overrides and calls. A part may do what its kind may, and is none by itself."""

TESTED = ("helper", "operation part")
"""Kinds of method whose results are tested to be of their types."""


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

    @property
    def role(self) -> str:
        """The kind that says what may stand in it: a part may do what the whole may."""
        return self.kind.removesuffix(" part")

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
    waived: tuple[str, ...] = ()
    """The invariants and trials of its bases that it does not claim."""

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


def parameter_lineage(cls: type[Parameters]) -> list[type[Parameters]]:
    """The classes that declare parameters, from the most basic to `cls`."""
    return [c for c in reversed(cls.__mro__) if issubclass(c, Parameters) and c is not Parameters]


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
