"""Renames the interchangeable things of a state, so that states which differ only in names become equal.

A machine's `canonical` method orders the values of its index types; a renamed state is isomorphic to the state that it came
from whatever that order is, so a poor order costs reduction, never soundness. The idea is Ip and Dill's scalarsets
("Better verification through symmetry", 1996), with the order given by the machine: a free queue is an order already.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import Any

from kvproof.spec.lang import Definition
from kvproof.spec.lang.types import (
    IndexType,
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

Names = Mapping[str, Mapping[int, int]]
"""For each index type the new name of every value."""
_Rename = Callable[[Any, Names], Any]


def _same(value: Any, _names: Names) -> Any:
    return value


class Canonical:
    """The canonical digest of a reference's state."""

    def __init__(self, definition: Definition, parameters: Any) -> None:
        self._parameters = parameters
        self._method = next(iter(definition.of_kind("canonical")), None)
        self._renames = [self._rename(variable.type) for variable in definition.state.values()]

    def state(self, reference: Any) -> tuple[Any, ...]:
        """The whole state of `reference`, renamed."""
        saved: tuple[Any, ...] = reference.snapshot()
        if self._method is None:
            return saved
        orders = getattr(reference, self._method)()
        names = {kind: {old: new for new, old in enumerate(order)} for kind, order in orders.items()}
        return tuple(rename(part, names) for rename, part in zip(self._renames, saved, strict=True))

    def digest(self, reference: Any) -> bytes:
        """16 bytes that are equal for equal canonical states, and for no others but by a collision of 128-bit hashes."""
        return blake2b(repr(self.state(reference)).encode(), digest_size=16).digest()

    def _rename(self, kind: Type) -> _Rename:
        match kind:
            case IndexType(name=name):
                return lambda value, names: names[name][value] if name in names else value
            case OptionType(inner=inner):
                renamed = self._rename(inner)
                return lambda value, names: None if value is None else renamed(value, names)
            case SeqType(inner=inner):
                each = self._rename(inner)
                return lambda value, names: tuple([each(part, names) for part in value])
            case SetType(inner=inner):
                member = self._rename(inner)
                return lambda value, names: tuple(in_order([member(part, names) for part in value]))
            case QueueType(item=item):
                queued = self._rename(item)
                return lambda value, names: tuple([(queued(part, names), priority) for part, priority in value])
            case PartialMapType(key=key, value=content):
                at, held = self._rename(key), self._rename(content)
                return lambda value, names: tuple(in_order([(at(k, names), held(v, names)) for k, v in value]))
            case MapType(key=key, value=content):
                return self._rename_map(key, content)
            case RecordType(fields=fields):
                every = [self._rename(field) for _, field in fields]
                return lambda value, names: tuple(
                    [rename(part, names) for rename, part in zip(every, value, strict=True)]
                )
        return _same

    def _rename_map(self, key: Type, content: Type) -> _Rename:
        keys = list(key.values(self._parameters))
        place = {old: position for position, old in enumerate(keys)}
        at, held = self._rename(key), self._rename(content)

        if at is _same and held is _same:
            return _same

        def rename(value: Any, names: Names) -> Any:
            renamed: list[Any] = [None] * len(keys)
            for old, part in zip(keys, value, strict=True):
                renamed[place[at(old, names)]] = held(part, names)
            return tuple(renamed)

        return rename
