"""The containers' two lowerings obey the same laws: random operations on both, compared after each.

The containers of the language run the operations one after the other; the symbolic ones are given the arguments as
unknowns, and each operation under a condition, so that every path through them is in the circuit.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kvproof.model.symbolic.circuit import FALSE, TRUE, Circuit, value_of
from kvproof.model.symbolic.containers import Containers
from kvproof.model.symbolic.encoding import Freshness, encoded, layout
from kvproof.model.symbolic.integers import Int
from kvproof.model.symbolic.shapes import (
    IntShape,
    MapShape,
    PartialMapShape,
    QueueShape,
    SeqShape,
    SetShape,
    Shape,
    shape_of,
)
from kvproof.model.symbolic.values import Algebra, Option
from kvproof.spec.lang import Index, Map, OutOfDomain, PartialMap, PriorityQueue, Set
from kvproof.spec.lang.types import EnumType, IndexType, MapType, PartialMapType, QueueType, RangeType, SeqType, SetType


class Item(Index):
    @classmethod
    def count(cls, parameters: Any) -> int:
        return 4


class Level(IntEnum):
    LOW = 0
    HIGH = 1


class Laboratory:
    """Builds inputs for the arguments of a run, and evaluates the circuit for it at the end."""

    def __init__(self) -> None:
        self.algebra = Algebra(Circuit())
        self.circuit = self.algebra.circuit
        self.containers = Containers(self.algebra)
        self._inputs: dict[int, int] = {}
        self._expected: list[tuple[int, bool, str]] = []

    def unknown(self, shape: Shape, value: Any) -> Any:
        """An input that will have this value."""
        arbitrary = Freshness(self.algebra).value(shape, f"i{len(self.circuit)}")
        bits = layout(self.algebra, shape, encoded(self.algebra, shape, value))
        for bit, known in zip(layout(self.algebra, shape, arbitrary), bits, strict=True):
            self._inputs[bit >> 1] = known & 1
        return arbitrary

    def condition(self, value: bool) -> int:
        literal = self.circuit.input(f"c{len(self.circuit)}")
        self._inputs[literal >> 1] = int(value)
        return literal

    def expect(self, literal: int, value: bool, what: str) -> None:
        self._expected.append((literal, value, what))

    def expect_equal(self, symbolic: Any, shape: Shape, value: Any, what: str) -> None:
        have = layout(self.algebra, shape, symbolic)
        want = layout(self.algebra, shape, encoded(self.algebra, shape, value))
        for a, b in zip(have, want, strict=True):
            self.expect(a, bool(b), what)

    def check(self) -> None:
        values = self.circuit.evaluate(self._inputs)
        for literal, expected, what in self._expected:
            assert bool(value_of(values, literal)) == expected, what


ITEM, PRIORITY = IntShape(0, 3), IntShape(1, 3)
QUEUE_KIND = QueueType(IndexType(Item), RangeType(1, 3))

queue_runs = st.lists(
    st.tuples(st.sampled_from(["back", "front", "remove"]), st.integers(0, 3), st.integers(1, 3), st.booleans()),
    max_size=10,
)


@settings(max_examples=60, deadline=None)
@given(queue_runs)
def test_queues_agree(run: list[tuple[str, int, int, bool]]) -> None:
    laboratory = Laboratory()
    containers, algebra = laboratory.containers, laboratory.algebra
    shape = shape_of(QUEUE_KIND, None)
    assert isinstance(shape, QueueShape)
    plain: PriorityQueue[int, int] = PriorityQueue(QUEUE_KIND, None)
    symbolic: Any = encoded(algebra, shape, ())
    for kind, item, priority, happens in run:
        unknown = laboratory.unknown(ITEM, item)
        condition = laboratory.condition(happens)
        if kind == "remove":
            symbolic, allowed = containers.queue_removed(symbolic, unknown, condition)
        else:
            at = laboratory.unknown(PRIORITY, priority)
            symbolic, allowed = containers.queue_pushed(symbolic, unknown, at, kind == "front", condition)
        can = (item in plain) == (kind == "remove")
        laboratory.expect(allowed, can, f"{kind} {item} allowed")
        if happens and not can:
            break
        if happens:
            _apply(plain, kind, item, priority)
        laboratory.expect_equal(symbolic, shape, plain.snapshot(), f"after {kind} {item}")
        laboratory.expect(containers.queue_has(symbolic, unknown), item in plain, "membership")
        length: Int = algebra.from_thermometer(symbolic.valid)
        laboratory.expect_equal(length, IntShape(0, 4), len(plain), "length")
        front, exists = containers.queue_front(symbolic)
        laboratory.expect(exists, len(plain) > 0, "has a front")
        if len(plain) > 0:
            laboratory.expect_equal(front, ITEM, plain.front(), "front")
        waits, found = containers.queue_priority(symbolic, unknown)
        laboratory.expect(found, item in plain, "has a priority")
        if item in plain:
            laboratory.expect_equal(waits, PRIORITY, plain.priority_of(item), "priority")
    laboratory.check()


def _apply(queue: PriorityQueue[int, int], kind: str, item: int, priority: int) -> None:
    if kind == "remove":
        queue.remove(item)
    elif kind == "front":
        queue.push_front(item, priority)
    else:
        queue.push_back(item, priority)


KEY = SeqShape(IntShape(0, 1), 2, exact=False)
TABLE_KIND = PartialMapType(SeqType(RangeType(0, 1), 2, exact=False), RangeType(2, 4))
keys = st.lists(st.integers(0, 1), max_size=2).map(tuple)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.booleans(), keys, st.integers(2, 4), st.booleans()), max_size=10))
def test_partial_maps_agree(run: list[tuple[bool, tuple[int, ...], int, bool]]) -> None:
    laboratory = Laboratory()
    containers, algebra = laboratory.containers, laboratory.algebra
    shape = shape_of(TABLE_KIND, None)
    assert isinstance(shape, PartialMapShape)
    plain: PartialMap[tuple[int, ...], int] = PartialMap(TABLE_KIND, None)
    symbolic: Any = encoded(algebra, shape, ())
    for deletes, key, value, happens in run:
        at, condition = laboratory.unknown(KEY, key), laboratory.condition(happens)
        laboratory.expect(containers.partial_has(symbolic, at), key in plain, "membership")
        got = containers.partial_get(symbolic, at)
        present = got.present if isinstance(got, Option) else 1
        laboratory.expect(present, plain.get(key) is not None, "got something")
        if key in plain:
            assert isinstance(got, Option)
            laboratory.expect_equal(got.value, IntShape(2, 4), plain[key], "got")
        if deletes:
            symbolic = containers.partial_deleted(symbolic, at, condition)
            if happens and key in plain:
                del plain[key]
        else:
            symbolic = containers.partial_put(symbolic, at, laboratory.unknown(IntShape(2, 4), value), condition)
            if happens:
                plain[key] = value
        laboratory.expect_equal(symbolic, shape, plain.snapshot(), f"after {key}")
        laboratory.expect_equal(algebra.count(symbolic.present), IntShape(0, 7), len(plain), "length")
    laboratory.check()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3), st.booleans()), max_size=10))
def test_sets_agree(run: list[tuple[bool, int, bool]]) -> None:
    laboratory = Laboratory()
    containers = laboratory.containers
    kind = SetType(IndexType(Item))
    shape = shape_of(kind, None)
    assert isinstance(shape, SetShape)
    plain: Set[int] = Set(kind, None)
    symbolic: Any = encoded(laboratory.algebra, shape, ())
    for adds, item, happens in run:
        member, condition = laboratory.unknown(ITEM, item), laboratory.condition(happens)
        laboratory.expect(containers.set_has(symbolic, member), item in plain, "membership")
        symbolic = (containers.set_with if adds else containers.set_without)(symbolic, member, condition)
        if happens:
            (plain.add if adds else plain.discard)(item)
        laboratory.expect_equal(symbolic, shape, plain.snapshot(), f"after {item}")
    laboratory.check()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(list(Level)), st.integers(-2, 4), st.booleans()), max_size=8))
def test_maps_agree(run: list[tuple[Level, int, bool]]) -> None:
    laboratory = Laboratory()
    containers = laboratory.containers
    kind = MapType(EnumType(Level), RangeType(-2, 4))
    shape = shape_of(kind, None)
    assert isinstance(shape, MapShape)
    plain: Map[Level, int] = Map(kind, None)
    symbolic: Any = encoded(laboratory.algebra, shape, plain.snapshot())
    for key, value, happens in run:
        at = containers.keys(shape.keys, laboratory.unknown(IntShape(0, 1, Level), key))
        condition = laboratory.condition(happens)
        new = laboratory.unknown(IntShape(-2, 4), value)
        symbolic = containers.map_changed(symbolic, [laboratory.circuit.both(condition, c) for c in at], [new, new])
        if happens:
            plain[key] = value
        laboratory.expect_equal(symbolic, shape, plain.snapshot(), f"after {key.name}")
    laboratory.check()


def test_selecting_a_container_takes_all_of_it() -> None:
    laboratory = Laboratory()
    shape = shape_of(QUEUE_KIND, None)
    queues = [encoded(laboratory.algebra, shape, parts) for parts in (((0, 1),), ((2, 2), (1, 3)), ())]
    for chosen, expected in enumerate((((0, 1),), ((2, 2), (1, 3)), ())):
        conditions = [laboratory.condition(i == chosen) for i in range(3)]
        laboratory.expect_equal(laboratory.containers.select(conditions, queues), shape, expected, f"queue {chosen}")
    laboratory.check()


def test_what_the_language_refuses_is_not_allowed_in_the_circuit() -> None:
    laboratory = Laboratory()
    plain: PriorityQueue[int, int] = PriorityQueue(QUEUE_KIND, None)
    with pytest.raises(OutOfDomain):
        plain.remove(1)
    symbolic: Any = encoded(laboratory.algebra, shape_of(QUEUE_KIND, None), ())
    _, allowed = laboratory.containers.queue_removed(symbolic, laboratory.algebra.number(1), TRUE)
    assert allowed == FALSE
