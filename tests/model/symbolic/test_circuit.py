"""The and-inverter graph computes what it was asked for, however much it simplifies."""

from __future__ import annotations

import random

import pytest

from kvproof.model.symbolic.circuit import FALSE, TRUE, Circuit, value_of

INPUTS = 5
MASK = (1 << (1 << INPUTS)) - 1


def columns() -> list[int]:
    """The truth table column of each input, over all assignments at once."""
    return [sum(1 << row for row in range(1 << INPUTS) if row >> i & 1) for i in range(INPUTS)]


@pytest.mark.parametrize("seed", range(30))
def test_random_circuits_have_the_truth_table_of_their_expression(seed: int) -> None:
    rng = random.Random(seed)
    circuit = Circuit()
    inputs = [circuit.input(f"x{i}") for i in range(INPUTS)]
    pool = [(literal, table) for literal, table in zip(inputs, columns(), strict=True)] + [(FALSE, 0), (TRUE, MASK)]
    for _ in range(300):
        picked = [pool[rng.randrange(max(0, len(pool) - 40), len(pool))] for _ in range(3)]
        picked = [(x ^ 1, t ^ MASK) if rng.random() < 0.4 else (x, t) for x, t in picked]
        (a, p), (b, q), (c, r) = picked
        pool.append(
            rng.choice(
                [
                    (circuit.both(a, b), p & q),
                    (circuit.either(a, b), p | q),
                    (circuit.xor(a, b), p ^ q),
                    (circuit.equal(a, b), p ^ q ^ MASK),
                    (circuit.mux(a, b, c), (p & q) | (~p & r & MASK)),
                    (circuit.all([a, b, c]), p & q & r),
                    (circuit.any([a, b, c]), p | q | r),
                ]
            )
        )
    values = circuit.evaluate({literal >> 1: table for literal, table in zip(inputs, columns(), strict=True)}, MASK)
    assert [value_of(values, literal, MASK) for literal, _ in pool] == [table for _, table in pool]


def test_equal_expressions_are_one_node() -> None:
    circuit = Circuit()
    a, b, c = (circuit.input(name) for name in "abc")
    assert circuit.both(a, b) == circuit.both(b, a)
    assert circuit.mux(a, b, c) == circuit.mux(a ^ 1, c, b)
    assert circuit.xor(a, b) == circuit.xor(b ^ 1, a ^ 1)


def test_contradictions_and_resolution_fold() -> None:
    circuit = Circuit()
    a, b = circuit.input("a"), circuit.input("b")
    assert circuit.both(circuit.both(a, b), a ^ 1) == FALSE
    assert circuit.either(circuit.both(a, b), circuit.both(a, b ^ 1)) == a
    assert circuit.both(a, circuit.either(a ^ 1, b)) == circuit.both(a, b)


def test_writing_under_a_condition_costs_one_multiplexer() -> None:
    circuit = Circuit()
    condition, at, new, old = (circuit.input(name) for name in ("condition", "at", "new", "old"))
    written = circuit.mux(at, new, old)
    assert circuit.mux(condition, written, old) == circuit.mux(circuit.both(condition, at), new, old)


def test_substitution_folds_constants_and_keeps_the_function() -> None:
    source, target = Circuit(), Circuit()
    a, b, c = (source.input(name) for name in "abc")
    root = source.mux(a, source.xor(b, c), source.both(b, c))
    x, y = target.input("x"), target.input("y")
    moved = source.substitute([root, root ^ 1], {a >> 1: TRUE, b >> 1: x, c >> 1: y ^ 1}, target)
    columns = {x >> 1: 0b0011, y >> 1: 0b0101}
    values = target.evaluate(columns, 0b1111)
    assert [value_of(values, literal, 0b1111) for literal in moved] == [0b1001, 0b0110]
    assert len(target.cone(moved)) == 5, "two inputs and the three nodes of one exclusive-or"


def test_an_input_without_replacement_is_named() -> None:
    source = Circuit()
    a = source.input("refs[2].1")
    with pytest.raises(KeyError, match=r"refs\[2\]\.1"):
        source.substitute([a], {}, Circuit())


def test_a_cone_has_only_what_the_roots_need() -> None:
    circuit = Circuit()
    a, b, c = (circuit.input(name) for name in "abc")
    root = circuit.both(a, b)
    circuit.both(b, c)
    assert circuit.cone([root]) == sorted([a >> 1, b >> 1, root >> 1])


@pytest.mark.parametrize("seed", range(300))
def test_rewriting_of_choices_ends(seed: int) -> None:
    """An older node that came out of a choice between newer ones once led in a circle."""
    source = random.Random(seed)
    circuit = Circuit()
    literals = [circuit.input(f"x{i}") for i in range(5)]
    for _ in range(400):
        condition, then, otherwise = (source.choice(literals) ^ source.randrange(2) for _ in range(3))
        made = circuit.mux(condition, then, otherwise) if source.random() < 0.7 else circuit.both(condition, then)
        literals.append(made)
    assert len(circuit) > 5
