"""What may stand in an annotation of a machine, and the type for which it stands."""

from __future__ import annotations

import functools
import sys
import types as python_types
import typing
from collections.abc import Hashable
from enum import IntEnum
from typing import Any

import attrs

from kvproof.spec.lang.containers import Map, PartialMap, PriorityQueue, Set
from kvproof.spec.lang.record import Record
from kvproof.spec.lang.refusals import Refusal
from kvproof.spec.lang.types import (
    CONTAINERS,
    AtMost,
    Between,
    BoolType,
    EnumType,
    Exactly,
    Index,
    IndexType,
    IntegerType,
    MapType,
    OptionType,
    PartialMapType,
    QueueType,
    RangeType,
    RecordType,
    SeqType,
    SetType,
    Type,
    inner_types,
)


def resolve(annotation: Any) -> Type:
    """The type that an annotation stands for; `NoFiniteType` says what may stand there."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if annotation is bool:
        return BoolType()
    if isinstance(annotation, type) and issubclass(annotation, Index):
        return IndexType(annotation)
    if isinstance(annotation, type) and issubclass(annotation, Record):
        return _resolve_record(typing.cast(Hashable, annotation))
    if isinstance(annotation, type) and issubclass(annotation, IntEnum):
        if [int(member) for member in annotation] != list(range(len(annotation))):
            raise Refusal.ENUM_WITH_GAPS.of_type(enum=annotation.__name__)
        return EnumType(annotation)
    if origin is typing.Annotated:
        return _resolve_annotated(arguments[0], arguments[1:])
    if origin in (typing.Union, python_types.UnionType) and len(arguments) == 2 and type(None) in arguments:
        inner = _resolve_value(next(a for a in arguments if a is not type(None)))
        return inner if isinstance(inner, OptionType) else OptionType(inner)
    if origin is Map:
        return MapType(_resolve_key(arguments[0]), resolve(arguments[1]))
    if origin is PartialMap:
        return PartialMapType(_resolve_key(arguments[0]), _resolve_value(arguments[1]))
    if origin is Set:
        return SetType(_resolve_key(arguments[0]))
    if origin is PriorityQueue:
        item, priority = resolve(arguments[0]), resolve(arguments[1])
        if isinstance(item, IndexType) and isinstance(priority, RangeType):
            return QueueType(item, priority)
        raise Refusal.QUEUE_OF_OTHERS.of_type()
    raise Refusal.NO_FINITE_TYPE.of_type(annotation=repr(annotation))


def _resolve_key(annotation: Any) -> Type:
    kind = resolve(annotation)
    if _holds(kind, RecordType):
        raise Refusal.RECORD_AS_KEY.of_type()
    if isinstance(kind, CONTAINERS):
        raise Refusal.CONTAINER_AS_KEY.of_type()
    return kind


def _resolve_value(annotation: Any) -> Type:
    """The type of what is held by anything else than a total map."""
    kind = resolve(annotation)
    if isinstance(kind, CONTAINERS):
        raise Refusal.CONTAINER_INSIDE.of_type()
    return kind


def _holds(kind: Type, cls: type[Type] | tuple[type[Type], ...]) -> bool:
    return isinstance(kind, cls) or any(_holds(inner, cls) for inner in inner_types(kind))


def annotations_in_module(cls: type) -> dict[str, Any]:
    """The annotations of a class and its bases. Lambdas in those of `cls` see the names of its module."""
    names = vars(sys.modules[cls.__module__]) if cls.__module__ in sys.modules else {}
    found = typing.get_type_hints(cls, include_extras=True)
    for name, written in cls.__dict__.get("__annotations__", {}).items():
        if isinstance(written, str) and "lambda" in written:
            found[name] = eval(written, names, dict(vars(cls)))
    return found


@functools.cache
def _resolve_record(annotation: Hashable) -> RecordType:
    cls = typing.cast(type[Record], annotation)
    if "__attrs_attrs__" not in cls.__dict__ or cls.__hash__ is None:
        raise Refusal.RECORD_NOT_FROZEN.of_type(record=cls.__name__)
    try:
        hints = annotations_in_module(cls)
    except NameError as error:
        raise Refusal.RECORD_UNKNOWN_NAME.of_type(record=cls.__name__, name=error.name) from error
    fields: list[tuple[str, Type]] = []
    for field in attrs.fields(typing.cast(Any, cls)):
        if field.name.startswith("_"):
            raise Refusal.RECORD_PRIVATE_FIELD.of_type(field=field.name, record=cls.__name__)
        if field.kw_only or not field.init or field.converter is not None or field.alias != field.name:
            raise Refusal.RECORD_OTHER_FIELD.of_type(field=field.name, record=cls.__name__)
        hint = hints[field.name]
        kind = IntegerType() if hint is int else resolve(hint)
        if _holds(kind, CONTAINERS):
            raise Refusal.RECORD_WITH_CONTAINER.of_type(field=field.name, record=cls.__name__)
        fields.append((field.name, kind))
    if not fields:
        raise Refusal.RECORD_EMPTY.of_type(record=cls.__name__)
    return RecordType(cls, tuple(fields))


def _resolve_annotated(base: Any, marks: tuple[Any, ...]) -> Type:
    origin, arguments = typing.get_origin(base), typing.get_args(base)
    for mark in marks:
        if base is int and isinstance(mark, Between):
            return RangeType(mark.low, mark.high)
        if origin is tuple and len(arguments) == 2 and arguments[1] is Ellipsis:
            if isinstance(mark, AtMost):
                return SeqType(_resolve_value(arguments[0]), mark.limit, exact=False)
            if isinstance(mark, Exactly):
                return SeqType(_resolve_value(arguments[0]), mark.length, exact=True)
    return resolve(base)
