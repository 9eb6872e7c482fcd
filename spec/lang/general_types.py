"""Types without their bounds: what a value is, as far as every run of a machine must agree on it.

mypy sees more (bounds of integers, None that cannot come here) and less: to mypy a truth value is a number, a member of an
enumeration is an integer, and a container may have many names. Here each of these is one thing.
"""

from __future__ import annotations

from kvproof.spec.lang.types import (
    BoolType,
    EnumType,
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
)


class Nothing(Type):
    """No value: the elements of (), what None holds, a local before it is known."""


class Mixed(Type):
    """Values that have no type in common."""


class Unknown(Type):
    """A value that only running tells."""


BOOL, INT, NOTHING, MIXED, UNKNOWN = BoolType(), IntegerType(), Nothing(), Mixed(), Unknown()
NONE = OptionType(NOTHING)


def general(kind: Type | None) -> Type:
    """A declared type without its bounds."""
    if kind is None or isinstance(kind, IndexType | RangeType | IntegerType):
        return INT
    if isinstance(kind, OptionType):
        return optional(general(kind.inner))
    if isinstance(kind, SeqType):
        return SeqType(general(kind.inner), 0, False)
    return RecordType(kind.cls, ()) if isinstance(kind, RecordType) else kind


def optional(kind: Type) -> Type:
    return kind if isinstance(kind, OptionType) else OptionType(kind)


def present(kind: Type) -> Type:
    """What is left of a type without None."""
    return kind.inner if isinstance(kind, OptionType) else kind


def joined(a: Type, b: Type) -> Type:
    """The type of values of either type; mixed when there is none."""
    if a == b or isinstance(b, Nothing):
        return a
    if isinstance(a, Nothing):
        return b
    if MIXED in (a, b):
        return MIXED
    if UNKNOWN in (a, b):
        return UNKNOWN
    if isinstance(a, OptionType) or isinstance(b, OptionType):
        inner = joined(present(a), present(b))
        return inner if inner in (MIXED, UNKNOWN) else optional(inner)
    if isinstance(a, SeqType) and isinstance(b, SeqType):
        inner = joined(a.inner, b.inner)
        return MIXED if inner == MIXED else SeqType(inner, 0, False)
    if isinstance(a, EnumType | IntegerType) and isinstance(b, EnumType | IntegerType):
        return INT
    return MIXED


def fits(value: Type, kind: Type) -> bool:
    """Whether a value may be put where one of `kind` belongs. None that could be there is an obligation."""
    if value == kind or value in (NOTHING, UNKNOWN) or kind == UNKNOWN:
        return True
    if isinstance(value, OptionType):
        if isinstance(value.inner, Nothing):
            return isinstance(kind, OptionType)
        return fits(value.inner, present(kind))
    if isinstance(kind, OptionType):
        return fits(value, kind.inner)
    if isinstance(value, SeqType) and isinstance(kind, SeqType):
        return fits(value.inner, kind.inner)
    return isinstance(kind, IntegerType) and isinstance(value, EnumType)


def comparable(a: Type, b: Type) -> bool:
    """Whether `==` between them has one meaning."""
    a, b = present(a), present(b)
    if a == b or any(kind in (NOTHING, UNKNOWN) for kind in (a, b)):
        return True
    if isinstance(a, SeqType) and isinstance(b, SeqType):
        return comparable(a.inner, b.inner)
    return all(isinstance(kind, BoolType | IntegerType | EnumType) for kind in (a, b))


def told(kind: Type) -> str:
    """How a type reads in a message."""
    match kind:
        case BoolType():
            return "a truth value"
        case EnumType(cls=cls):
            return f"a {cls.__name__}"
        case RecordType(cls=record):
            return f"a {record.__name__}"
        case OptionType(inner=inner):
            return "None" if isinstance(inner, Nothing) else f"{told(inner)} or None"
        case SeqType(inner=inner):
            return "()" if isinstance(inner, Nothing) else f"a sequence (each: {told(inner)})"
        case MapType() | PartialMapType() | SetType() | QueueType():
            return "a container"
        case Mixed():
            return "values of different types"
        case Nothing():
            return "nothing"
    return "a number"
