"""The state of a machine: what its annotations declare."""

from __future__ import annotations

import ast
import functools
import typing
from collections.abc import Hashable
from typing import Annotated, TypeVar, cast

import attrs

from kvproof.spec.lang.annotations import annotations_in_module, resolve
from kvproof.spec.lang.class_source import annotations_of, class_source
from kvproof.spec.lang.errors import LanguageError, NoFiniteType
from kvproof.spec.lang.refusals import Refusal
from kvproof.spec.lang.types import Type, is_finite

T = TypeVar("T")


class _GhostMark:
    """Marks state that no implementation has."""


Ghost = Annotated[T, _GhostMark]
"""`content: Ghost[Map[Slot, ...]]`: state that exists only to say what is right."""

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


def lineage(cls: type, machine: type) -> list[type]:
    """The classes from the most basic that derives `machine` to `cls`."""
    return [owner for owner in reversed(cls.__mro__) if issubclass(owner, machine) and owner is not machine]


@functools.cache
def state_types(cls: Hashable, machine: type) -> dict[str, StateVariable]:
    """The state variables of a class that derives `machine`, those of base classes first."""
    found: dict[str, StateVariable] = {}
    for owner in lineage(cast(type, cls), machine):
        source = class_source(owner)
        docs, annotations = annotations_of(source.node)
        try:
            hints = annotations_in_module(owner)
        except NameError as error:
            raise unknown_name(error, source.file, list(annotations.values()), source.node.lineno) from error
        except (TypeError, AttributeError) as error:
            raise Refusal.ANNOTATION_UNREADABLE.at(source.file, source.node.lineno, error=error) from error
        for name in owner.__dict__.get("__annotations__", {}):
            annotation, ghost = hints[name], False
            if typing.get_origin(annotation) is typing.ClassVar:
                continue
            line = annotations[name].lineno
            if name in RESERVED or hasattr(machine, name) or name.startswith("_"):
                raise Refusal.STATE_HIDES.at(source.file, line, name=name)
            if name in owner.__dict__:
                raise Refusal.STATE_WITH_VALUE.at(source.file, line, name=name)
            if typing.get_origin(annotation) is typing.Annotated and _GhostMark in annotation.__metadata__:
                rest = tuple(m for m in annotation.__metadata__ if m is not _GhostMark)
                base = typing.get_args(annotation)[0]
                annotation, ghost = (typing.Annotated[(base, *rest)] if rest else base), True
            try:
                kind = resolve(annotation)
            except NoFiniteType as error:
                raise error.at(source.file, line, f"state variable {name}") from error
            if not is_finite(kind):
                raise Refusal.STATE_WITH_PLAIN_INT.at(source.file, line, name=name)
            written = ast.unparse(annotations[name])
            found[name] = StateVariable(name, kind, ghost, docs.get(name, ""), owner.__name__, written)
    return found


def unknown_name(error: NameError, file: str, annotations: list[ast.expr], line: int) -> LanguageError:
    """What an annotation says that names something unknown, at its line."""
    for annotation in annotations:
        if any(isinstance(part, ast.Name) and part.id == error.name for part in ast.walk(annotation)):
            line = annotation.lineno
    return Refusal.UNKNOWN_IN_ANNOTATION.at(file, line, name=error.name)
