"""Finite types: what may stand in an annotation of a machine, and the descriptions that the annotations resolve to.

Sizes may depend on the machine's parameters, so every description takes the parameters where it needs a number.
"""

from __future__ import annotations

import itertools
import types as python_types
import typing
from collections.abc import Callable, Iterator
from enum import IntEnum
from typing import Any

import attrs

Bound = int | Callable[[Any], int]


@attrs.frozen
class Parameters:
    """Base of a machine's parameters: an attrs class of integers, fixed for the life of one instance."""


class Index(int):
    """Base of index types: 0 .. count - 1, each a name for one of a finite number of interchangeable things."""

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
        """All values in ascending order (None first, shorter sequences first)."""
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


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def resolve(annotation: Any) -> Type:
    """The type that an annotation stands for; `TypeError` says what may stand there."""
    from kvproof.spec.lang import containers

    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if annotation is bool:
        return BoolType()
    if isinstance(annotation, type) and issubclass(annotation, Index):
        return IndexType(annotation)
    if isinstance(annotation, type) and issubclass(annotation, IntEnum):
        if [int(member) for member in annotation] != list(range(len(annotation))):
            raise TypeError(f"members of {annotation.__name__} must be numbered from 0 without gaps")
        return EnumType(annotation)
    if origin is typing.Annotated:
        return _resolve_annotated(arguments[0], arguments[1:])
    if origin in (typing.Union, python_types.UnionType) and len(arguments) == 2 and type(None) in arguments:
        return OptionType(resolve(next(a for a in arguments if a is not type(None))))
    if origin is containers.Map:
        return MapType(resolve(arguments[0]), resolve(arguments[1]))
    if origin is containers.PartialMap:
        return PartialMapType(resolve(arguments[0]), resolve(arguments[1]))
    if origin is containers.Set:
        return SetType(resolve(arguments[0]))
    if origin is containers.PriorityQueue:
        item, priority = resolve(arguments[0]), resolve(arguments[1])
        if isinstance(item, IndexType) and isinstance(priority, RangeType):
            return QueueType(item, priority)
        raise TypeError("a PriorityQueue holds an Index type at a bounded integer priority")
    raise TypeError(
        f"{annotation!r} is not a finite type: use bool, an IntEnum, an Index class, Annotated[int, Between(..)], "
        "Annotated[tuple[T, ...], AtMost(..)], T | None, Map, PartialMap, Set or PriorityQueue"
    )


def _resolve_annotated(base: Any, marks: tuple[Any, ...]) -> Type:
    origin, arguments = typing.get_origin(base), typing.get_args(base)
    for mark in marks:
        if base is int and isinstance(mark, Between):
            return RangeType(mark.low, mark.high)
        if origin is tuple and len(arguments) == 2 and arguments[1] is Ellipsis:
            if isinstance(mark, AtMost):
                return SeqType(resolve(arguments[0]), mark.limit, exact=False)
            if isinstance(mark, Exactly):
                return SeqType(resolve(arguments[0]), mark.length, exact=True)
    return resolve(base)
