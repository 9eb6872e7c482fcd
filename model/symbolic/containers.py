"""The containers of a machine's state as symbolic values, immutable: each change returns a new container.

A map is the list of its values, one for each key; a partial map adds a bit of presence to each; a set is a bit a value;
a queue is one list of entries in victim order that shifts when an entry goes, with the bits of occupation as its length.
The encodings are those that measured best in bounded checking (domain/checking.md): a list that shifts keeps no order
variables and is its own canonical form.

Changes take a condition under which they happen, so that a change at a symbolic place is a conditional change at each.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs

from kvproof.model.symbolic.circuit import FALSE, TRUE
from kvproof.model.symbolic.integers import Int, Value
from kvproof.model.symbolic.shapes import MapShape, PartialMapShape, QueueShape, SetShape
from kvproof.model.symbolic.values import NONE, Algebra, Option


@attrs.frozen(eq=False)
class MapValue(Value):
    """`items[i]` is the value at `shape.keys[i]`."""

    shape: MapShape
    items: tuple[Value, ...]


@attrs.frozen(eq=False)
class PartialMapValue(Value):
    """`items[i]` is the value at `shape.keys[i]` where `present[i]` holds, else zero."""

    shape: PartialMapShape
    present: tuple[int, ...]
    items: tuple[Value, ...]


@attrs.frozen(eq=False)
class SetValue(Value):
    """`bits[i]`: `shape.keys[i]` is a member."""

    shape: SetShape
    bits: tuple[int, ...]


@attrs.frozen(eq=False)
class QueueValue(Value):
    """Entries in victim order: the places where `valid` holds, which are the first ones; the others are zero."""

    shape: QueueShape
    valid: tuple[int, ...]
    items: tuple[Int, ...]
    priorities: tuple[Int, ...]


Container = MapValue | PartialMapValue | SetValue | QueueValue


class Containers:
    """Operations on container values, and merging of values of every kind."""

    def __init__(self, algebra: Algebra) -> None:
        self.algebra = algebra
        self.circuit = algebra.circuit

    def mux(self, condition: int, then: Value, otherwise: Value) -> Value:
        """`then` where `condition` holds, else `otherwise`; unchanged parts (the same object) cost nothing."""
        if then is otherwise or condition == TRUE:
            return then
        if condition == FALSE:
            return otherwise
        if isinstance(then, MapValue) and isinstance(otherwise, MapValue):
            return MapValue(then.shape, self._mux_items(condition, then.items, otherwise.items))
        if isinstance(then, PartialMapValue) and isinstance(otherwise, PartialMapValue):
            present = self._mux_bits(condition, then.present, otherwise.present)
            return PartialMapValue(then.shape, present, self._mux_items(condition, then.items, otherwise.items))
        if isinstance(then, SetValue) and isinstance(otherwise, SetValue):
            return SetValue(then.shape, self._mux_bits(condition, then.bits, otherwise.bits))
        if isinstance(then, QueueValue) and isinstance(otherwise, QueueValue):
            mux_int = self.algebra.mux_int
            return QueueValue(
                then.shape,
                self._mux_bits(condition, then.valid, otherwise.valid),
                tuple(mux_int(condition, a, b) for a, b in zip(then.items, otherwise.items, strict=True)),
                tuple(mux_int(condition, a, b) for a, b in zip(then.priorities, otherwise.priorities, strict=True)),
            )
        return self.algebra.mux(condition, then, otherwise)

    def _mux_items(self, condition: int, a: tuple[Value, ...], b: tuple[Value, ...]) -> tuple[Value, ...]:
        return a if a is b else tuple(self.mux(condition, x, y) for x, y in zip(a, b, strict=True))

    def _mux_bits(self, condition: int, a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...]:
        mux = self.circuit.mux
        return a if a is b else tuple(mux(condition, x, y) for x, y in zip(a, b, strict=True))

    def select(self, conditions: Sequence[int], values: Sequence[Value]) -> Value:
        """The value whose condition holds; exactly one does (or the result does not matter)."""
        if not isinstance(values[0], Container):
            return self.algebra.select(conditions, values)
        result = values[-1]
        for condition, value in zip(reversed(conditions[:-1]), reversed(values[:-1]), strict=True):
            result = self.mux(condition, value, result)
        return result

    def keys(self, keys: tuple[Any, ...], value: Value) -> list[int]:
        """For each key, the literal that `value` is this one."""
        return [self.algebra.matches(value, key) for key in keys]

    # Total maps

    def map_changed(self, value: MapValue, at: Sequence[int], new: Sequence[Value]) -> MapValue:
        """`value` with `new[i]` in each place i where `at[i]` holds."""
        return MapValue(value.shape, tuple(self.mux(c, n, old) for c, n, old in zip(at, new, value.items, strict=True)))

    # Partial maps

    def partial_get(self, value: PartialMapValue, key: Value) -> Value:
        """The value at `key`, or None; None, too, where None is the value."""
        found = self.partial_has(value, key)
        if found == FALSE:
            return NONE
        inner = self.algebra.masked(found, self.partial_at(value, key))
        return inner if isinstance(inner, Option) else Option(found, inner)

    def partial_at(self, value: PartialMapValue, key: Value) -> Value:
        """The value at `key`, which is there."""
        return self._selected(self.keys(value.shape.keys, key), value.items)

    def _selected(self, at: Sequence[int], items: Sequence[Value]) -> Value:
        """The item where `at` holds, zero when nowhere: for places that may all be left out."""
        nowhere = self.circuit.any(at) ^ 1
        return self.algebra.select([*at, nowhere], [*items, self.algebra.zero_like(items[0])])

    def partial_has(self, value: PartialMapValue, key: Value) -> int:
        """The literal `key in value`."""
        both = self.circuit.both
        at = self.keys(value.shape.keys, key)
        return self.circuit.any([both(c, p) for c, p in zip(at, value.present, strict=True)])

    def partial_put(self, value: PartialMapValue, key: Value, new: Value, condition: int) -> PartialMapValue:
        """`value` with `new` (of its value type) at `key`, where `condition` holds."""
        at = [self.circuit.both(condition, c) for c in self.keys(value.shape.keys, key)]
        present = tuple(self.circuit.either(c, p) for c, p in zip(at, value.present, strict=True))
        items = tuple(self.algebra.mux(c, new, old) for c, old in zip(at, value.items, strict=True))
        return PartialMapValue(value.shape, present, items)

    def partial_deleted(self, value: PartialMapValue, key: Value, condition: int) -> PartialMapValue:
        """`value` without `key`, where `condition` holds."""
        at = [self.circuit.both(condition, c) for c in self.keys(value.shape.keys, key)]
        present = tuple(self.circuit.both(c ^ 1, p) for c, p in zip(at, value.present, strict=True))
        items = tuple(self.algebra.masked(c ^ 1, old) for c, old in zip(at, value.items, strict=True))
        return PartialMapValue(value.shape, present, items)

    # Sets

    def set_has(self, value: SetValue, member: Value) -> int:
        """The literal `member in value`."""
        at = self.keys(value.shape.keys, member)
        return self.circuit.any([self.circuit.both(c, b) for c, b in zip(at, value.bits, strict=True)])

    def set_with(self, value: SetValue, member: Value, condition: int) -> SetValue:
        """`value` with `member`, where `condition` holds."""
        at = [self.circuit.both(condition, c) for c in self.keys(value.shape.keys, member)]
        return SetValue(value.shape, tuple(self.circuit.either(c, b) for c, b in zip(at, value.bits, strict=True)))

    def set_without(self, value: SetValue, member: Value, condition: int) -> SetValue:
        """`value` without `member`, where `condition` holds."""
        at = [self.circuit.both(condition, c) for c in self.keys(value.shape.keys, member)]
        return SetValue(value.shape, tuple(self.circuit.both(c ^ 1, b) for c, b in zip(at, value.bits, strict=True)))

    # Queues

    def _hits(self, value: QueueValue, item: Value) -> list[int]:
        both, equal = self.circuit.both, self.algebra.equal
        return [both(v, equal(i, item)) for v, i in zip(value.valid, value.items, strict=True)]

    def queue_has(self, value: QueueValue, item: Value) -> int:
        """The literal `item in value`."""
        return self.circuit.any(self._hits(value, item))

    def queue_front(self, value: QueueValue) -> tuple[Int, int]:
        """The next victim, and the literal that there is one."""
        return value.items[0], value.valid[0]

    def queue_priority(self, value: QueueValue, item: Value) -> tuple[Int, int]:
        """The priority at which `item` waits, and the literal that it does."""
        hits = self._hits(value, item)
        found = self.circuit.any(hits)
        pairs = [*zip(hits, value.priorities, strict=True), (found ^ 1, self.algebra.number(0))]
        return self.algebra.select_int(pairs), found

    def queue_removed(self, value: QueueValue, item: Value, condition: int) -> tuple[QueueValue, int]:
        """`value` without `item` where `condition` holds, and the literal that the item was in it."""
        circuit, zero = self.circuit, self.algebra.number(0)
        hits = self._hits(value, item)
        passed, gone = [], FALSE
        for hit in hits:
            gone = circuit.either(gone, circuit.both(condition, hit))
            passed.append(gone)
        mux_int = self.algebra.mux_int
        result = QueueValue(
            value.shape,
            tuple(map(circuit.mux, passed, (*value.valid[1:], FALSE), value.valid)),
            tuple(map(mux_int, passed, (*value.items[1:], zero), value.items)),
            tuple(map(mux_int, passed, (*value.priorities[1:], zero), value.priorities)),
        )
        return result, circuit.any(hits)

    def queue_pushed(
        self, value: QueueValue, item: Int, priority: Int, to_front: bool, condition: int
    ) -> tuple[QueueValue, int]:
        """`value` with `item` as the first or last of its priority, where `condition` holds.

        The literal says that the item was not in it and that there was room.
        """
        circuit, algebra = self.circuit, self.algebra
        fits = circuit.both(self.queue_has(value, item) ^ 1, value.valid[-1] ^ 1)
        valid, items, priorities = [], [], []
        stays_before = TRUE
        before_item, before_priority = algebra.number(0), algebra.number(0)
        for i, (v, old_item, old_priority) in enumerate(zip(value.valid, value.items, value.priorities, strict=True)):
            ahead = algebra.less(old_priority, priority) if to_front else algebra.at_most(old_priority, priority)
            stays = circuit.both(v, ahead)
            moved = circuit.both(condition, stays ^ 1)
            valid.append(circuit.either(v, circuit.both(condition, value.valid[i - 1] if i else TRUE)))
            items.append(algebra.mux_int(moved, algebra.mux_int(stays_before, item, before_item), old_item))
            shifted = algebra.mux_int(stays_before, priority, before_priority)
            priorities.append(algebra.mux_int(moved, shifted, old_priority))
            stays_before, before_item, before_priority = stays, old_item, old_priority
        return QueueValue(value.shape, tuple(valid), tuple(items), tuple(priorities)), fits
