"""Finite types: what annotations of a machine say about integers and sequences, and the descriptions that they resolve to.

Sizes may depend on the machine's parameters, so every description takes the parameters where it needs a number.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from enum import IntEnum
from typing import Any, Self

import attrs

from kvproof.spec.lang.errors import OutOfDomain
from kvproof.spec.lang.record import Record

Bound = int | Callable[[Any], int]


@attrs.frozen
class Parameters:
    """Base of a machine's parameters: an attrs class of integers, fixed for the life of one instance."""


RUNNING: ContextVar[Parameters | None] = ContextVar("RUNNING", default=None)
"""The parameters of the machine whose method runs; None outside, and in methods that are ordinary Python."""


class Index(int):
    """Base of index types: 0 .. count - 1, each a name for one of a finite number of interchangeable things.

    `Thing(n)` is the n-th of them. Only a machine says how many there are, so only in its methods is n tested.
    """

    def __new__(cls, value: int) -> Self:
        if value is None:
            raise OutOfDomain(f"None is no {cls.__name__}", "defined")
        parameters = RUNNING.get()
        if parameters is not None and not 0 <= value < cls.count(parameters):
            raise OutOfDomain(f"{int(value)} is no {cls.__name__}")
        return super().__new__(cls, value)

    @classmethod
    def count(cls, parameters: Any) -> int:
        """How many values the type has under these parameters."""
        raise TypeError(f"index type {cls.__name__} does not define count(parameters)")


@attrs.frozen
class Between:
    """Annotation of a bounded integer: `Annotated[int, Between(low, high)]`, both ends included."""

    low: Bound
    high: Bound


@attrs.frozen
class AtMost:
    """Annotation of a bounded sequence: `Annotated[tuple[T, ...], AtMost(limit)]`, at most `limit` elements."""

    limit: Bound


@attrs.frozen
class Exactly:
    """Annotation of a sequence of fixed length: `Annotated[tuple[T, ...], Exactly(length)]`."""

    length: Bound


def bound(value: Bound, parameters: Any) -> int:
    """The number that a bound stands for under these parameters."""
    return value(parameters) if callable(value) else value


class Type:
    """A finite type."""

    def default(self, parameters: Any) -> Any:
        """The value that a freshly declared state variable of this type has."""
        raise NotImplementedError

    def contains(self, value: Any, parameters: Any) -> bool:
        """Whether `value` belongs to the type."""
        raise NotImplementedError

    def values(self, parameters: Any) -> Iterator[Any]:
        """All values, each once (None first, shorter sequences first)."""
        raise NotImplementedError


@attrs.frozen
class BoolType(Type):
    """True or False."""

    def default(self, parameters: Any) -> bool:
        return False

    def contains(self, value: Any, parameters: Any) -> bool:
        return isinstance(value, bool)

    def values(self, parameters: Any) -> Iterator[bool]:
        return iter((False, True))


@attrs.frozen
class EnumType(Type):
    """The members of an IntEnum, numbered from 0."""

    cls: type[IntEnum]

    @property
    def name(self) -> str:
        return self.cls.__name__

    def size(self, parameters: Any) -> int:
        return len(self.cls)

    def default(self, parameters: Any) -> IntEnum:
        return self.cls(0)

    def contains(self, value: Any, parameters: Any) -> bool:
        return isinstance(value, self.cls)

    def values(self, parameters: Any) -> Iterator[IntEnum]:
        return iter(self.cls)


@attrs.frozen
class IndexType(Type):
    """The values of an `Index` class."""

    cls: type[Index]

    @property
    def name(self) -> str:
        return self.cls.__name__

    def size(self, parameters: Any) -> int:
        return self.cls.count(parameters)

    def default(self, parameters: Any) -> int:
        return 0

    def contains(self, value: Any, parameters: Any) -> bool:
        return _is_integer(value) and 0 <= value < self.size(parameters)

    def values(self, parameters: Any) -> Iterator[int]:
        return iter(range(self.size(parameters)))


@attrs.frozen
class RangeType(Type):
    """Integers from low to high, both included."""

    low: Bound
    high: Bound

    def ends(self, parameters: Any) -> tuple[int, int]:
        return bound(self.low, parameters), bound(self.high, parameters)

    def default(self, parameters: Any) -> int:
        low, high = self.ends(parameters)
        return min(max(0, low), high)

    def contains(self, value: Any, parameters: Any) -> bool:
        low, high = self.ends(parameters)
        return _is_integer(value) and low <= value <= high

    def values(self, parameters: Any) -> Iterator[int]:
        low, high = self.ends(parameters)
        return iter(range(low, high + 1))


@attrs.frozen
class OptionType(Type):
    """A value of the inner type, or None."""

    inner: Type

    def default(self, parameters: Any) -> None:
        return None

    def contains(self, value: Any, parameters: Any) -> bool:
        return value is None or self.inner.contains(value, parameters)

    def values(self, parameters: Any) -> Iterator[Any]:
        return itertools.chain((None,), self.inner.values(parameters))


@attrs.frozen
class SeqType(Type):
    """Tuples of at most (or, when `exact`, exactly) `limit` elements of the inner type."""

    inner: Type
    limit: Bound
    exact: bool

    def length(self, parameters: Any) -> int:
        return bound(self.limit, parameters)

    def default(self, parameters: Any) -> tuple[Any, ...]:
        return (self.inner.default(parameters),) * self.length(parameters) if self.exact else ()

    def contains(self, value: Any, parameters: Any) -> bool:
        limit = self.length(parameters)
        if not isinstance(value, tuple) or len(value) > limit or (self.exact and len(value) != limit):
            return False
        return all(self.inner.contains(element, parameters) for element in value)

    def values(self, parameters: Any) -> Iterator[tuple[Any, ...]]:
        limit = self.length(parameters)
        elements = list(self.inner.values(parameters))
        for length in range(limit if self.exact else 0, limit + 1):
            yield from itertools.product(elements, repeat=length)


@attrs.frozen
class IntegerType(Type):
    """Any integer: a field of records that are only locals or results."""

    def default(self, parameters: Any) -> int:
        return 0

    def contains(self, value: Any, parameters: Any) -> bool:
        return _is_integer(value)

    def values(self, parameters: Any) -> Iterator[int]:
        raise TypeError("the integers cannot be listed: give the field a type with bounds")


@attrs.frozen
class RecordType(Type):
    """The records of one class, with the name and type of each field."""

    cls: type[Record]
    fields: tuple[tuple[str, Type], ...]

    @property
    def name(self) -> str:
        return self.cls.__name__

    def default(self, parameters: Any) -> Record:
        return self.cls(*(kind.default(parameters) for _, kind in self.fields))

    def contains(self, value: Any, parameters: Any) -> bool:
        return type(value) is self.cls and all(k.contains(getattr(value, n), parameters) for n, k in self.fields)

    def values(self, parameters: Any) -> Iterator[Record]:
        for parts in itertools.product(*(list(kind.values(parameters)) for _, kind in self.fields)):
            yield self.cls(*parts)


@attrs.frozen
class MapType(Type):
    """A total map from every value of the key type."""

    key: Type
    value: Type


@attrs.frozen
class PartialMapType(Type):
    """A map from some values of the key type."""

    key: Type
    value: Type


@attrs.frozen
class SetType(Type):
    """A set of values of the inner type."""

    inner: Type


@attrs.frozen
class QueueType(Type):
    """A queue of distinct items, each at a priority: lowest priority first, then in order."""

    item: IndexType
    priority: RangeType


CONTAINERS = (MapType, PartialMapType, SetType, QueueType)
"""What state holds that changes in place: it has one name, and is no value."""


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def in_order(values: Iterable[Any]) -> list[Any]:
    """Values of one type in the order in which loops meet them: None first, numbers ascending, sequences by elements.

    A sequence comes after every one that it begins with.
    """
    try:
        return sorted(values)
    except TypeError:  # None is among them
        return sorted(values, key=_rank)


def _rank(value: Any) -> Any:
    if isinstance(value, tuple):
        return (1, tuple(_rank(part) for part in value))
    return (0, 0) if value is None else (1, value)


def inner_types(kind: Type) -> tuple[Type, ...]:
    """The types of which `kind` is made up directly."""
    if isinstance(kind, RecordType):
        return tuple(field for _, field in kind.fields)
    return tuple(getattr(kind, name) for name in ("inner", "key", "value", "item", "priority") if hasattr(kind, name))


def is_finite(kind: Type) -> bool:
    """Whether no plain `int` is inside."""
    return not isinstance(kind, IntegerType) and all(is_finite(inner) for inner in inner_types(kind))


def from_plain(kind: Type | None, value: Any) -> Any:
    """A value of `kind` from its plain form, in which records are dicts and members of enumerations may be numbers.

    `TypeError` when the dict of a record has other keys than its fields.
    """
    if isinstance(kind, OptionType):
        return None if value is None else from_plain(kind.inner, value)
    if isinstance(kind, SeqType) and isinstance(value, tuple):
        return tuple(from_plain(kind.inner, element) for element in value)
    if isinstance(kind, EnumType):
        return kind.cls(value)
    if isinstance(kind, RecordType) and not isinstance(value, Record):
        names = [name for name, _ in kind.fields]
        if not isinstance(value, dict) or set(value) != set(names):
            raise TypeError(f"{value!r} is no {kind.name}: give a dict with the fields {', '.join(names)}")
        return kind.cls(*(from_plain(field, value[name]) for name, field in kind.fields))
    return value
