"""Names that a machine cannot give: those of what is generated from it, and one name for two things.

A reference is one module, in which everything that a machine is made of stands beside what every reference has.
"""

from __future__ import annotations

import ast
import inspect
import typing
from enum import IntEnum
from typing import Any, cast

from kvproof.spec.lang.class_source import class_source
from kvproof.spec.lang.definition import FREE_FORM, Definition, names_in
from kvproof.spec.lang.machine import Machine
from kvproof.spec.lang.record import Record
from kvproof.spec.lang.refusals import Refusal
from kvproof.spec.lang.state import RESERVED
from kvproof.spec.lang.types import EnumType, Index, IndexType, RecordType, Type, inner_types

OF_THE_MODULE = frozenset(
    [
        "Any",
        "ArithmeticError",
        "AttributeError",
        "Callable",
        "ClassVar",
        "CodeType",
        "Container",
        "Exception",
        "IndexError",
        "IntEnum",
        "Iterable",
        "Iterator",
        "LookupError",
        "NamedTuple",
        "NotAssumed",
        "NotImplementedError",
        "OrderedDict",
        "OutOfDomain",
        "Parameters",
        "PriorityQueue",
        "Reference",
        "Rejected",
        "RuleBroken",
        "SyntaxError",
        "TypeError",
        "ValueError",
        "all",
        "any",
        "ast",
        "bool",
        "bytes",
        "cached_property",
        "classmethod",
        "dataclass",
        "dict",
        "enumerate",
        "frozenset",
        "getattr",
        "int",
        "isinstance",
        "iter",
        "known",
        "len",
        "linecache",
        "list",
        "max",
        "min",
        "next",
        "object",
        "product",
        "property",
        "range",
        "replace",
        "repr",
        "reversed",
        "set",
        "sorted",
        "str",
        "sum",
        "super",
        "tuple",
        "type",
        "vars",
        "zip",
    ]
)
"""Names that a generated module uses or defines; those that begin with an underscore are its own too."""

OF_METHODS = frozenset(
    [
        "IndexError",
        "IntEnum",
        "NotAssumed",
        "OutOfDomain",
        "Rejected",
        "RuleBroken",
        "all",
        "any",
        "bool",
        "int",
        "isinstance",
        "len",
        "range",
        "sorted",
        "tuple",
    ]
)
"""Those among them that the methods of a reference use where the machine has others."""


def check_names(definition: Definition) -> None:
    """Raise `LanguageError` for the first name that cannot be."""
    source = class_source(cast(Any, definition.cls))
    if definition.name in OF_THE_MODULE or definition.name.startswith("_"):
        raise Refusal.MACHINE_NAME.at(source.file, source.node.lineno, name=definition.name)
    for name, method in definition.methods.items():
        if name != "initial" and (hasattr(Machine, name) or name in RESERVED or name.startswith("_")):
            raise Refusal.METHOD_HIDES.at(method.file, method.line, name=name)
        if name in definition.state:
            raise Refusal.METHOD_AND_STATE.at(method.file, method.line, name=name)
        if method.kind in FREE_FORM:
            continue
        for node in ast.walk(method.node):
            given = node.arg if isinstance(node, ast.arg) else node.id if isinstance(node, ast.Name) else ""
            stored = isinstance(node, ast.arg) or (isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))
            if stored and (given in OF_METHODS or (given.startswith("_") and given != "_")):
                raise Refusal.LOCAL_NAME.at(method.file, getattr(node, "lineno", method.line), name=given)
    _check_types(definition)


def _check_types(definition: Definition) -> None:
    known: dict[str, Any] = {definition.name: definition.cls}
    for name, value, file, line in _named(definition):
        if name in OF_THE_MODULE or name.startswith("_"):
            raise Refusal.NAME_OF_REFERENCES.at(file, line, name=name)
        other = known.setdefault(name, value)
        if other is not value and other != value:
            raise Refusal.TWO_THINGS.at(file, line, name=name, one=_place(known[name]), other=_place(value))


def _named(definition: Definition) -> typing.Iterator[tuple[str, Any, str, int]]:
    """The classes and constants that a machine uses, by the names that they have there, and where."""
    pending: list[tuple[Type | None, str, int]] = []
    source = class_source(cast(Any, definition.cls))
    pending += [(variable.type, source.file, source.node.lineno) for variable in definition.state.values()]
    for method in definition.methods.values():
        pending += [(kind, method.file, method.line) for kind in (*(k for _, k in method.arguments), method.returns)]
        for node in names_in(method.node):
            value = method.namespace.get(node.id)
            if _is_used(value):
                yield node.id, value, method.file, node.lineno
                if isinstance(value, type):
                    yield value.__name__, value, method.file, node.lineno
    pending += [(kind, source.file, source.node.lineno) for kind in definition.records.values()]
    while pending:
        kind, file, line = pending.pop()
        if isinstance(kind, IndexType | EnumType | RecordType):
            yield kind.name, kind.cls, file, line
        if kind is not None:
            pending += [(inner, file, line) for inner in inner_types(kind)]


def _is_used(value: Any) -> bool:
    return isinstance(value, int) or (isinstance(value, type) and issubclass(value, Index | IntEnum | Record))


def _place(value: Any) -> str:
    if not isinstance(value, type):
        return repr(value)
    return f"{value.__module__}.{value.__qualname__} ({inspect.getsourcefile(value) or 'unknown'})"
