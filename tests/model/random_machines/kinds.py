"""The types of a random machine: how each is written, how many values it has, and what may stand where it is expected."""

from __future__ import annotations

import math
from typing import Any

import attrs


@attrs.frozen
class Kind:
    """A type of the language, with its sizes fixed."""

    @property
    def family(self) -> Any:
        """Kinds of one family may stand in for each other without a check of a bound."""
        raise NotImplementedError

    def written(self) -> str:
        """The annotation."""
        raise NotImplementedError

    def bits(self) -> float:
        """The binary logarithm of the number of values."""
        raise NotImplementedError


@attrs.frozen
class Truth(Kind):
    """bool."""

    @property
    def family(self) -> Any:
        return ("bool",)

    def written(self) -> str:
        return "bool"

    def bits(self) -> float:
        return 1.0


@attrs.frozen
class Number(Kind):
    """A bounded integer; `low` and `high` are its ends at the sizes that are tried."""

    name: str
    low: int
    high: int

    @property
    def family(self) -> Any:
        return ("int", self.low, self.high)

    def written(self) -> str:
        return self.name

    def bits(self) -> float:
        return math.log2(self.high - self.low + 1)


@attrs.frozen
class AnyNumber(Kind):
    """A plain int: a local, or an argument or result of a helper."""

    @property
    def family(self) -> Any:
        return ("int",)

    def written(self) -> str:
        return "int"

    def bits(self) -> float:
        return 64.0


@attrs.frozen
class Thing(Kind):
    """An index type."""

    name: str
    count: int

    @property
    def family(self) -> Any:
        return ("index", self.name)

    def written(self) -> str:
        return self.name

    def bits(self) -> float:
        return math.log2(self.count)


@attrs.frozen
class Choice(Kind):
    """An enumeration."""

    name: str
    members: tuple[str, ...]

    @property
    def family(self) -> Any:
        return ("enum", self.name)

    def written(self) -> str:
        return self.name

    def bits(self) -> float:
        return math.log2(len(self.members))


@attrs.frozen
class Maybe(Kind):
    """`inner | None`."""

    inner: Kind

    @property
    def family(self) -> Any:
        return ("option", self.inner.family)

    def written(self) -> str:
        return f"{self.inner.written()} | None"

    def bits(self) -> float:
        return math.log2(2 ** self.inner.bits() + 1)


@attrs.frozen
class Several(Kind):
    """A sequence of at most (or exactly) `limit` values."""

    name: str
    inner: Kind
    limit: int
    exact: bool

    @property
    def family(self) -> Any:
        return ("seq", self.inner.family)

    def written(self) -> str:
        return self.name

    def bits(self) -> float:
        each = self.inner.bits()
        if self.exact:
            return each * self.limit
        return math.log2(sum(2 ** (each * length) for length in range(self.limit + 1)))


@attrs.frozen
class Fields(Kind):
    """A record."""

    name: str
    fields: tuple[tuple[str, Kind], ...]

    @property
    def family(self) -> Any:
        return ("record", self.name)

    def written(self) -> str:
        return self.name

    def bits(self) -> float:
        return sum(kind.bits() for _, kind in self.fields)


@attrs.frozen
class Total(Kind):
    """A total map."""

    key: Kind
    value: Kind

    @property
    def family(self) -> Any:
        return ("map", self.key.family, self.value.family)

    def written(self) -> str:
        return f"Map[{self.key.written()}, {self.value.written()}]"

    def bits(self) -> float:
        return 2 ** self.key.bits() * self.value.bits()


@attrs.frozen
class Partial(Kind):
    """A map in which keys may be absent."""

    key: Kind
    value: Kind

    @property
    def family(self) -> Any:
        return ("partial", self.key.family, self.value.family)

    def written(self) -> str:
        return f"PartialMap[{self.key.written()}, {self.value.written()}]"

    def bits(self) -> float:
        return 2 ** self.key.bits() * math.log2(2 ** self.value.bits() + 1)


@attrs.frozen
class Members(Kind):
    """A set."""

    inner: Kind

    @property
    def family(self) -> Any:
        return ("set", self.inner.family)

    def written(self) -> str:
        return f"Set[{self.inner.written()}]"

    def bits(self) -> float:
        return 2 ** self.inner.bits()


@attrs.frozen
class Line(Kind):
    """A priority queue."""

    item: Thing
    priority: Number

    @property
    def family(self) -> Any:
        return ("queue", self.item.family, self.priority.family)

    def written(self) -> str:
        return f"PriorityQueue[{self.item.written()}, {self.priority.written()}]"

    def bits(self) -> float:
        orders = sum(math.perm(self.item.count, taken) * 2 ** (self.priority.bits() * taken) for taken in range(4))
        return math.log2(orders)


def is_container(kind: Kind) -> bool:
    """Whether it is changed in place, and cannot be a value."""
    return isinstance(kind, Total | Partial | Members | Line)


def is_number(kind: Kind) -> bool:
    """Whether a value of it is an integer for Python's arithmetic."""
    return isinstance(kind, Number | AnyNumber)
