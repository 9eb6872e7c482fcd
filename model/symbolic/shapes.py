"""Types with their sizes fixed: what a declared type of a machine becomes once the parameters are numbers.

The language's types may depend on parameters; a check fixes those first, so that everything below works with plain
numbers. `domain` enumerates the values that can be keys of a container, in the order in which the language iterates.
"""

from __future__ import annotations

from enum import IntEnum
from functools import cached_property
from itertools import chain, product
from typing import Any

import attrs

from kvproof.spec.lang import types as lang


class Shape:
    """A type of known size."""


@attrs.frozen
class BoolShape(Shape):
    """One bit."""


@attrs.frozen
class IntShape(Shape):
    """Integers from `low` to `high`, both included: a bounded integer, an index, or (with `enum`) an enumeration."""

    low: int
    high: int
    enum: type[IntEnum] | None = None

    def with_zero(self) -> IntShape:
        """The same integers and 0, which stands in places that hold no value."""
        return IntShape(min(self.low, 0), max(self.high, 0), self.enum)


@attrs.frozen
class OptionShape(Shape):
    """A value of `inner`, or None."""

    inner: Shape


@attrs.frozen
class SeqShape(Shape):
    """At most `limit` (exactly, when `exact`) values of `inner`."""

    inner: Shape
    limit: int
    exact: bool


@attrs.frozen
class IntegerShape(Shape):
    """Any integer: a field of a record that is only a local or a result. No value of it is ever arbitrary."""


@attrs.frozen
class RecordShape(Shape):
    """A value for each named field."""

    name: str
    fields: tuple[tuple[str, Shape], ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(name for name, _ in self.fields)


@attrs.frozen(slots=False)
class MapShape(Shape):
    """A value for each key in `keys`."""

    key: Shape
    value: Shape

    @cached_property
    def keys(self) -> tuple[Any, ...]:
        return domain(self.key)


@attrs.frozen(slots=False)
class PartialMapShape(Shape):
    """A value for some of the keys in `keys`."""

    key: Shape
    value: Shape

    @cached_property
    def keys(self) -> tuple[Any, ...]:
        return tuple(lang.in_order(domain(self.key)))


@attrs.frozen(slots=False)
class SetShape(Shape):
    """Some of the values in `keys`."""

    inner: Shape

    @cached_property
    def keys(self) -> tuple[Any, ...]:
        return tuple(lang.in_order(domain(self.inner)))


@attrs.frozen
class QueueShape(Shape):
    """Distinct values of `item`, each at a `priority`; its capacity is the number of items."""

    item: IntShape
    priority: IntShape

    @property
    def capacity(self) -> int:
        return self.item.high - self.item.low + 1


MAXIMUM_DOMAIN = 4096
"""A key type with more values than this is refused: its container would need a circuit of that many entries."""


def domain(shape: Shape) -> tuple[Any, ...]:
    """All values of a key type: None first, integers ascending, shorter sequences first."""
    size = domain_size(shape)
    if size > MAXIMUM_DOMAIN:
        raise ValueError(f"{shape} has {size} values, at most {MAXIMUM_DOMAIN} can be keys: choose smaller parameters")
    if isinstance(shape, BoolShape):
        return (False, True)
    if isinstance(shape, IntShape):
        numbers = range(shape.low, shape.high + 1)
        return tuple(shape.enum(n) for n in numbers) if shape.enum is not None else tuple(numbers)
    if isinstance(shape, OptionShape):
        return (None, *domain(shape.inner))
    assert isinstance(shape, SeqShape)
    elements = domain(shape.inner)
    lengths = range(shape.limit if shape.exact else 0, shape.limit + 1)
    return tuple(chain.from_iterable(product(elements, repeat=length) for length in lengths))


def domain_size(shape: Shape) -> int:
    """How many values `domain` would enumerate."""
    if isinstance(shape, BoolShape):
        return 2
    if isinstance(shape, IntShape):
        return shape.high - shape.low + 1
    if isinstance(shape, OptionShape):
        return 1 + domain_size(shape.inner)
    if isinstance(shape, SeqShape):
        elements = domain_size(shape.inner)
        lengths = range(shape.limit if shape.exact else 0, shape.limit + 1)
        return sum(elements**length for length in lengths)
    raise TypeError(f"{shape} cannot be a key: use an index, an enumeration, a bounded integer, or sequences of those")


def shape_of(kind: lang.Type, parameters: Any) -> Shape:
    """The shape of a declared type under these parameters."""
    if isinstance(kind, lang.BoolType):
        return BoolShape()
    if isinstance(kind, lang.EnumType):
        return IntShape(0, kind.size(parameters) - 1, kind.cls)
    if isinstance(kind, lang.IndexType):
        size = kind.size(parameters)
        if size < 1:
            raise ValueError(f"index type {kind.name} has {size} values under {parameters}: it needs at least one")
        return IntShape(0, size - 1)
    if isinstance(kind, lang.RangeType):
        low, high = kind.ends(parameters)
        if low > high:
            raise ValueError(f"a bounded integer from {low} to {high} has no value under {parameters}")
        return IntShape(low, high)
    if isinstance(kind, lang.OptionType):
        return OptionShape(shape_of(kind.inner, parameters))
    if isinstance(kind, lang.SeqType):
        return SeqShape(shape_of(kind.inner, parameters), kind.length(parameters), kind.exact)
    if isinstance(kind, lang.IntegerType):
        return IntegerShape()
    if isinstance(kind, lang.RecordType):
        return RecordShape(kind.name, tuple((name, shape_of(field, parameters)) for name, field in kind.fields))
    if isinstance(kind, lang.MapType):
        return MapShape(shape_of(kind.key, parameters), shape_of(kind.value, parameters))
    if isinstance(kind, lang.PartialMapType):
        return PartialMapShape(shape_of(kind.key, parameters), shape_of(kind.value, parameters))
    if isinstance(kind, lang.SetType):
        return SetShape(shape_of(kind.inner, parameters))
    if isinstance(kind, lang.QueueType):
        item, priority = shape_of(kind.item, parameters), shape_of(kind.priority, parameters)
        assert isinstance(item, IntShape)
        assert isinstance(priority, IntShape)
        return QueueShape(item, priority)
    raise TypeError(f"{kind} has no symbolic form")
