"""The containers of a machine's state as they run under Python: every use outside their meaning is an error at once.

The reference and the symbolic system have lowerings of their own; one property test holds all of them to the same laws.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any, Generic, TypeVar, cast

import attrs

from kvproof.spec.lang.errors import OutOfDomain
from kvproof.spec.lang.record import Record
from kvproof.spec.lang.types import (
    EnumType,
    MapType,
    OptionType,
    PartialMapType,
    QueueType,
    RecordType,
    SeqType,
    SetType,
    Type,
    in_order,
)

K = TypeVar("K")
V = TypeVar("V")
T = TypeVar("T")


class Map(Generic[K, V]):
    """A total map: every key of its type always has a value."""

    def __init__(self, kind: MapType, parameters: Any) -> None:
        self._kind = kind
        self._parameters = parameters
        self._values: dict[Any, Any] = {key: fresh(kind.value, parameters) for key in kind.key.values(parameters)}

    def __getitem__(self, key: K) -> V:
        if key not in self._values:
            raise OutOfDomain(f"{key!r} is not a key of this map")
        return self._values[key]  # type: ignore[no-any-return]  # the annotation of the state says V

    def __setitem__(self, key: K, value: V) -> None:
        if key not in self._values:
            raise OutOfDomain(f"{key!r} is not a key of this map")
        if not self._kind.value.contains(value, self._parameters):
            raise OutOfDomain(f"{value!r} is not a value of this map (at key {key!r})")
        self._values[key] = value

    __iter__ = None

    def snapshot(self) -> tuple[Any, ...]:
        """The values in ascending order of their keys."""
        return tuple(frozen(value) for value in self._values.values())


class PartialMap(Generic[K, V]):
    """A map in which a key may be absent."""

    def __init__(self, kind: PartialMapType, parameters: Any) -> None:
        self._kind = kind
        self._parameters = parameters
        self._values: dict[Any, Any] = {}

    def __getitem__(self, key: K) -> V:
        if key not in self._values:
            raise OutOfDomain(f"{key!r} is absent from this map", "defined")
        return self._values[key]  # type: ignore[no-any-return]

    def __setitem__(self, key: K, value: V) -> None:
        if not self._kind.key.contains(key, self._parameters):
            raise OutOfDomain(f"{key!r} cannot be a key of this map")
        if not self._kind.value.contains(value, self._parameters):
            raise OutOfDomain(f"{value!r} is not a value of this map (at key {key!r})")
        self._values[key] = value

    def __delitem__(self, key: K) -> None:
        if key not in self._values:
            raise OutOfDomain(f"{key!r} is absent from this map and cannot be removed", "defined")
        del self._values[key]

    def __contains__(self, key: object) -> bool:
        return key in self._values

    def __len__(self) -> int:
        return len(self._values)

    __iter__ = None

    def get(self, key: K) -> V | None:
        """The value at `key`, or None."""
        return self._values.get(key)

    def values(self) -> list[V]:
        """The values in ascending order of their keys."""
        return [self._values[key] for key in in_order(self._values)]

    def snapshot(self) -> tuple[Any, ...]:
        """Pairs of key and value in ascending order of the keys."""
        return tuple((key, frozen(self._values[key])) for key in in_order(self._values))


class Set(Generic[T]):
    """A finite set; iteration is ascending."""

    def __init__(self, kind: SetType, parameters: Any) -> None:
        self._kind = kind
        self._parameters = parameters
        self._values: set[Any] = set()

    def add(self, value: T) -> None:
        """Make `value` a member; nothing happens when it is one."""
        if not self._kind.inner.contains(value, self._parameters):
            raise OutOfDomain(f"{value!r} cannot be a member of this set", "defined")
        self._values.add(value)

    def discard(self, value: T) -> None:
        """Take `value` out; nothing happens when it is no member."""
        self._values.discard(value)

    def __contains__(self, value: object) -> bool:
        return value in self._values

    def __len__(self) -> int:
        return len(self._values)

    def __iter__(self) -> Iterator[T]:
        return iter(in_order(self._values))

    def snapshot(self) -> tuple[Any, ...]:
        """The members, ascending."""
        return tuple(in_order(self._values))


class PriorityQueue(Generic[K, V]):
    """Distinct items in victim order: lowest priority first, and within a priority from front to back."""

    def __init__(self, kind: QueueType, parameters: Any) -> None:
        self._kind = kind
        self._parameters = parameters
        self._lanes: dict[Any, deque[Any]] = {p: deque() for p in kind.priority.values(parameters)}
        self._priority: dict[Any, Any] = {}

    def _insert(self, item: K, priority: V) -> deque[Any]:
        if not self._kind.item.contains(item, self._parameters) or priority not in self._lanes:
            raise OutOfDomain(f"{item!r} at priority {priority!r} cannot be queued here", "defined")
        if item in self._priority:
            raise OutOfDomain(f"{item!r} is queued already, at priority {self._priority[item]}", "defined")
        self._priority[item] = priority
        return self._lanes[priority]

    def push_back(self, item: K, priority: V) -> None:
        """Queue `item` as the last of its priority."""
        self._insert(item, priority).append(item)

    def push_front(self, item: K, priority: V) -> None:
        """Queue `item` as the first of its priority."""
        self._insert(item, priority).appendleft(item)

    def remove(self, item: K) -> None:
        """Take `item` out, wherever it stands."""
        if item not in self._priority:
            raise OutOfDomain(f"{item!r} is not queued here and cannot be removed", "defined")
        self._lanes[self._priority.pop(item)].remove(item)

    def front(self) -> K:
        """The next victim."""
        for lane in self._lanes.values():
            if lane:
                return lane[0]  # type: ignore[no-any-return]
        raise OutOfDomain("an empty queue has no front", "defined")

    def priority_of(self, item: K) -> V:
        """The priority at which `item` was queued."""
        if item not in self._priority:
            raise OutOfDomain(f"{item!r} is not queued here and has no priority", "defined")
        return self._priority[item]  # type: ignore[no-any-return]

    def __contains__(self, item: object) -> bool:
        return item in self._priority

    def __len__(self) -> int:
        return len(self._priority)

    def __iter__(self) -> Iterator[K]:
        return iter([item for lane in self._lanes.values() for item in lane])

    def snapshot(self) -> tuple[Any, ...]:
        """Pairs of item and priority in victim order."""
        return tuple((item, priority) for priority, lane in self._lanes.items() for item in lane)


def fresh(kind: Type, parameters: Any) -> Any:
    """A new value of a declared type: an empty container, or the type's default."""
    if isinstance(kind, MapType):
        return Map[Any, Any](kind, parameters)
    if isinstance(kind, PartialMapType):
        return PartialMap[Any, Any](kind, parameters)
    if isinstance(kind, SetType):
        return Set[Any](kind, parameters)
    if isinstance(kind, QueueType):
        return PriorityQueue[Any, Any](kind, parameters)
    return kind.default(parameters)


def frozen(value: Any) -> Any:
    """A hashable picture of a value: containers and records as nested tuples, everything else as it is."""
    if value is None or isinstance(value, int):  # most are
        return value
    if isinstance(value, Map | PartialMap | Set | PriorityQueue):
        return value.snapshot()
    if isinstance(value, Record):
        return tuple(frozen(getattr(value, field.name)) for field in attrs.fields(cast(Any, type(value))))
    if isinstance(value, tuple):
        return tuple(frozen(element) for element in value)
    return value


def thawed(kind: Type, picture: Any, parameters: Any) -> Any:
    """The value of which `picture` is the frozen form; lists may stand for tuples, and numbers for members of enumerations.

    Raises:
        OutOfDomain: it is not a value of its type.
    """
    if isinstance(kind, MapType):
        found = Map[Any, Any](kind, parameters)
        found._values.update(
            (key, thawed(kind.value, part, parameters))
            for key, part in zip(kind.key.values(parameters), picture, strict=True)
        )
        return found
    if isinstance(kind, PartialMapType):
        partial = PartialMap[Any, Any](kind, parameters)
        for key, part in picture:
            partial[thawed(kind.key, key, parameters)] = thawed(kind.value, part, parameters)
        return partial
    if isinstance(kind, SetType):
        members = Set[Any](kind, parameters)
        for part in picture:
            members.add(thawed(kind.inner, part, parameters))
        return members
    if isinstance(kind, QueueType):
        queue = PriorityQueue[Any, Any](kind, parameters)
        for item, priority in picture:
            queue.push_back(item, priority)
        return queue
    if isinstance(kind, OptionType):
        return None if picture is None else thawed(kind.inner, picture, parameters)
    if isinstance(kind, SeqType):
        return tuple(thawed(kind.inner, part, parameters) for part in picture)
    if isinstance(kind, EnumType):
        return kind.cls(picture)
    if isinstance(kind, RecordType):
        parts = [picture[name] for name, _ in kind.fields] if isinstance(picture, dict) else picture
        return kind.cls(*(thawed(of, part, parameters) for (_, of), part in zip(kind.fields, parts, strict=True)))
    return picture
