"""Symbolic scalars compute what Python computes, at every value of their intervals."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from kvproof.model.symbolic.circuit import TRUE, Circuit, value_of
from kvproof.model.symbolic.encoding import Freshness, decoded, encoded, layout, number
from kvproof.model.symbolic.integers import Int, Value
from kvproof.model.symbolic.sequences import concatenated, contains, element, prefix, suffix
from kvproof.model.symbolic.shapes import (
    BoolShape,
    IntShape,
    MapShape,
    OptionShape,
    PartialMapShape,
    QueueShape,
    SeqShape,
    SetShape,
    Shape,
    domain,
)
from kvproof.model.symbolic.values import Algebra, Bool, Seq

INTERVALS = [(0, 0), (0, 5), (3, 9), (-4, 3), (-7, -2)]


class Bench:
    """Arbitrary values of some shapes, and reading results back at every combination of their values."""

    def __init__(self, *shapes: Shape) -> None:
        self.algebra = Algebra(Circuit())
        self.shapes = shapes
        fresh = Freshness(self.algebra)
        self.values: list[Any] = [fresh.value(shape, f"v{i}") for i, shape in enumerate(shapes)]
        self.constraints = fresh.constraints

    def check(self, result: Value, expected: Callable[..., Any], shape: Shape) -> None:
        combinations = list(itertools.product(*map(domain, self.shapes)))
        inputs: dict[int, int] = {}
        for position, combination in enumerate(combinations):
            for value, kind, constant in zip(self.values, self.shapes, combination, strict=True):
                bits = layout(self.algebra, kind, encoded(self.algebra, kind, constant))
                for bit, known in zip(layout(self.algebra, kind, value), bits, strict=True):
                    if bit > 1:
                        inputs[bit >> 1] = inputs.get(bit >> 1, 0) | (known & 1) << position
        mask = (1 << len(combinations)) - 1
        values = self.algebra.circuit.evaluate(inputs, mask)
        for position, combination in enumerate(combinations):

            def read(literal: int, position: int = position) -> bool:
                return bool(value_of(values, literal, mask) >> position & 1)

            assert all(map(read, self.constraints)), combination
            assert decoded(self.algebra, shape, result, read) == expected(*combination), combination


ANY_INT = IntShape(-1000, 1000)


@pytest.mark.parametrize("first", INTERVALS)
@pytest.mark.parametrize("second", INTERVALS)
def test_integer_arithmetic_never_overflows(first: tuple[int, int], second: tuple[int, int]) -> None:
    bench = Bench(IntShape(*first), IntShape(*second))
    a, b = bench.values
    algebra = bench.algebra
    bench.check(algebra.add(a, b), lambda x, y: x + y, ANY_INT)
    bench.check(algebra.subtract(a, b), lambda x, y: x - y, ANY_INT)
    bench.check(algebra.multiply(a, b), lambda x, y: x * y, ANY_INT)
    bench.check(algebra.minimum(a, b), min, ANY_INT)
    bench.check(algebra.maximum(a, b), max, ANY_INT)
    bench.check(Bool(algebra.less(a, b)), lambda x, y: x < y, BoolShape())
    bench.check(Bool(algebra.equal(a, b)), lambda x, y: x == y, BoolShape())


def test_the_smaller_and_the_larger_have_the_bits_of_their_intervals_when_gates_fold() -> None:
    """Found by a campaign of random machines: the bits of the one that is chosen may be fewer."""
    bench = Bench(IntShape(0, 1))
    algebra, (bit,) = bench.algebra, bench.values[0].bits
    one, odd = Int((TRUE, 0, 0), -4, 3), Int((TRUE, bit, 0), -4, 3)  # never negative, which their intervals do not tell
    bench.check(algebra.minimum(one, odd), lambda _: 1, ANY_INT)
    bench.check(algebra.maximum(one, odd), lambda x: 1 + 2 * x, ANY_INT)


@pytest.mark.parametrize("interval", INTERVALS)
@pytest.mark.parametrize("divisor", [1, 2, 3, 4])
def test_division_rounds_down_as_in_python(interval: tuple[int, int], divisor: int) -> None:
    bench = Bench(IntShape(*interval))
    divided = bench.algebra.floor_divide(bench.values[0], bench.algebra.number(divisor))
    bench.check(divided, lambda x: x // divisor, ANY_INT)
    left_over = bench.algebra.modulo(bench.values[0], bench.algebra.number(divisor))
    bench.check(left_over, lambda x: x % divisor, ANY_INT)


def test_division_by_something_unknown_is_refused() -> None:
    bench = Bench(IntShape(1, 3), IntShape(1, 3))
    with pytest.raises(ValueError, match=r"1\.\.3"):
        bench.algebra.floor_divide(*bench.values)


def test_counting_literals_that_come_first_is_compared_by_one_of_them() -> None:
    algebra = Algebra(Circuit())
    bits = [algebra.circuit.input(f"x{i}") for i in range(4)]
    length = algebra.from_thermometer(bits)
    assert algebra.less(length, algebra.number(3)) == bits[2] ^ 1
    assert algebra.equal(length, algebra.number(0)) == bits[0] ^ 1


PAIRS = SeqShape(IntShape(0, 1), 3, exact=False)


def test_sequences_are_joined_cut_and_searched_as_in_python() -> None:
    bench = Bench(PAIRS, SeqShape(IntShape(0, 1), 2, exact=False), IntShape(-2, 4))
    a, b, k = bench.values
    algebra, whole = bench.algebra, SeqShape(IntShape(0, 1), 5, exact=False)
    bench.check(concatenated(algebra, a, b), lambda x, y, _: x + y, whole)
    bench.check(prefix(algebra, a, k), lambda x, _, n: x[:n], whole)
    bench.check(suffix(algebra, a, k), lambda x, _, n: x[n:], whole)
    bench.check(Bool(contains(algebra, a, algebra.number(1))), lambda x, *_: 1 in x, BoolShape())
    bench.check(Bool(algebra.equal(a, b)), lambda x, y, _: x == y, BoolShape())


def test_an_element_outside_the_sequence_does_not_exist() -> None:
    bench = Bench(PAIRS, IntShape(0, 4))
    value, exists = element(bench.algebra, *bench.values)
    assert value is not None
    bench.check(Bool(exists), lambda x, i: i < len(x), BoolShape())
    bench.check(bench.algebra.masked(exists, value), lambda x, i: x[i] if i < len(x) else 0, IntShape(0, 1))
    last, some = element(bench.algebra, bench.values[0], bench.algebra.number(-1))
    assert last is not None
    bench.check(bench.algebra.masked(some, last), lambda x, _: x[-1] if x else 0, IntShape(0, 1))


def test_none_equals_none_only() -> None:
    shape = OptionShape(IntShape(0, 2))
    bench = Bench(shape, shape, IntShape(0, 2))
    a, b, c = bench.values
    bench.check(Bool(bench.algebra.equal(a, b)), lambda x, y, _: x == y, BoolShape())
    bench.check(Bool(bench.algebra.equal(a, c)), lambda x, _, z: x == z, BoolShape())
    bench.check(bench.algebra.mux(bench.algebra.equal(a, c), b, c), lambda x, y, z: y if x == z else z, shape)


def test_storing_out_of_range_is_seen_and_in_range_costs_nothing() -> None:
    bench = Bench(IntShape(-2, 9))
    stored, fits = bench.algebra.fitted(bench.values[0], IntShape(0, 5))
    bench.check(Bool(fits), lambda x: 0 <= x <= 5, BoolShape())
    bench.check(bench.algebra.masked(fits, stored), lambda x: x if 0 <= x <= 5 else 0, IntShape(0, 5))
    assert bench.algebra.fitted(bench.values[0], IntShape(-2, 9))[1] == TRUE


def test_a_sequence_too_long_for_its_type_is_seen() -> None:
    bench = Bench(PAIRS)
    bench.check(
        Bool(bench.algebra.fitted(bench.values[0], SeqShape(IntShape(0, 1), 2, exact=True))[1]),
        lambda x: len(x) == 2,
        BoolShape(),
    )


EVERY_SHAPE = [
    (MapShape(OptionShape(IntShape(0, 1)), SeqShape(IntShape(1, 2), 2, exact=False)), ((), (2, 1), (1,))),
    (PartialMapShape(SeqShape(IntShape(0, 1), 2, exact=True), IntShape(1, 3)), (((0, 1), 3), ((1, 1), 1))),
    (SetShape(IntShape(0, 3)), (1, 3)),
    (QueueShape(IntShape(0, 3), IntShape(1, 2)), ((2, 1), (0, 1), (3, 2))),
    (OptionShape(SeqShape(IntShape(0, 1), 2, exact=True)), (1, 0)),
    (OptionShape(IntShape(-3, -1)), None),
]


@pytest.mark.parametrize(("shape", "value"), EVERY_SHAPE)
def test_every_shape_is_encoded_and_read_back(shape: Shape, value: Any) -> None:
    algebra = Algebra(Circuit())
    fresh = Freshness(algebra)
    arbitrary = fresh.value(shape, "x")
    constant = encoded(algebra, shape, value)
    assert decoded(algebra, shape, constant, bool) == value
    inputs = layout(algebra, shape, arbitrary)
    bits = layout(algebra, shape, constant)
    values = algebra.circuit.evaluate({i >> 1: bit & 1 for i, bit in zip(inputs, bits, strict=True) if i > 1})
    assert all(value_of(values, constraint) for constraint in fresh.constraints)
    assert decoded(algebra, shape, arbitrary, lambda literal: bool(value_of(values, literal))) == value


def test_what_is_no_value_of_a_queue_breaks_its_constraints() -> None:
    algebra = Algebra(Circuit())
    shape = QueueShape(IntShape(0, 2), IntShape(0, 1))
    fresh = Freshness(algebra)
    inputs = layout(algebra, shape, fresh.value(shape, "q"))
    for wrong in (((0, 1), (1, 0)), ((1, 0), (1, 0))):
        bits = layout(algebra, shape, encoded(algebra, shape, wrong))
        values = algebra.circuit.evaluate({i >> 1: bit & 1 for i, bit in zip(inputs, bits, strict=True) if i > 1})
        assert not all(value_of(values, constraint) for constraint in fresh.constraints)


def test_a_number_with_a_sign_is_read_back() -> None:
    algebra = Algebra(Circuit())
    assert number(algebra.number(-5), ANY_INT, bool) == -5
    assert isinstance(algebra.constant((1, None)), Seq)
    assert isinstance(algebra.constant(3), Int)
