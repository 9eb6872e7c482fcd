"""What is drawn: legal values, shared prefixes, enabled operations, absolute arguments."""

from __future__ import annotations

from typing import Any

import pytest
from toy_queue import DEFAULTS, TOY, ToyReference

from kvproof.fuzz.chooser import RandomChooser
from kvproof.fuzz.drawing.arguments import ArgumentSource, draw_parameters
from kvproof.fuzz.drawing.novelty import Novelty, Scout
from kvproof.fuzz.drawing.values import ValueSource
from kvproof.fuzz.shapes import Fields, Maybe, Named, Run, Shape, Truth, Whole, from_json, to_json
from kvproof.fuzz.target import Operation

SHAPES: list[Shape] = [
    Truth(),
    Whole(2, 5),
    Whole(0, 100, favourites=(35, 0, 30, 100)),
    Named(("LOW", "HIGH"), (0, 1)),
    Maybe(Whole(0, 3)),
    Run(Whole(0, 2, "Letter", True), 4),
    Run(Truth(), 3, exact=True),
    Run(Run(Whole(0, 1), 2), 2),
    Run(Fields("Pair", {"low": Whole(0, 3), "names": Run(Whole(0, 2, "Letter", True), 2)}), 2),
]


def make_values(reference: ToyReference) -> ValueSource:
    return ValueSource(TOY, TOY.make_shapes(DEFAULTS), reference)


def make_source(reference: ToyReference) -> ArgumentSource:
    return ArgumentSource(TOY, DEFAULTS, reference)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_drawn_values_are_legal_and_survive_json(shape: Shape) -> None:
    source = make_values(ToyReference(DEFAULTS))
    chooser = RandomChooser(1)
    for _ in range(300):
        value = source.value(shape, chooser)
        assert shape.contains(value)
        assert shape.parse(to_json(shape, value)) == value


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_simpler_values_are_legal_and_different(shape: Shape) -> None:
    source = make_values(ToyReference(DEFAULTS))
    chooser = RandomChooser(2)
    for _ in range(100):
        value = source.value(shape, chooser)
        for simpler in shape.simpler(value):
            assert shape.contains(simpler)
            assert simpler != value


def test_simplifying_ends_at_the_ordinary_value() -> None:
    shape = Whole(0, 100, favourites=(35, 0, 30, 100))
    for start in range(101):
        value, rounds = start, 0
        while (simpler := next(shape.simpler(value), None)) is not None and rounds < 10:
            value, rounds = simpler, rounds + 1
        assert value == 35


@pytest.mark.parametrize(("text", "value"), [([1, [2, None]], (1, (2, None))), (True, True), ([], ())])
def test_json_lists_are_tuples(text: Any, value: Any) -> None:
    assert from_json(text) == value


def test_sequence_arguments_share_prefixes_with_the_state() -> None:
    reference = ToyReference(DEFAULTS)
    reference.apply("push", {"job": 0, "word": (2, 1, 2)})
    source, chooser = make_source(reference), RandomChooser(3)
    drawn = [source.draw_any("push", chooser).arguments["word"] for _ in range(300)]
    assert sum(word[:3] == (2, 1, 2) for word in drawn) > 75


def test_drawn_operations_are_enabled_when_any_is() -> None:
    reference = ToyReference(DEFAULTS)
    reference.apply("push", {"job": 3, "word": ()})
    source, chooser = make_source(reference), RandomChooser(4)
    for _ in range(100):
        operation = source.draw_enabled("extend", chooser)
        assert operation is not None
        assert operation.arguments["job"] == 3


def test_nothing_is_drawn_for_an_operation_that_is_not_enabled() -> None:
    source = make_source(ToyReference(DEFAULTS))
    assert source.draw_enabled("pop", RandomChooser(5)) is None
    assert source.draw("pop", RandomChooser(5)) == Operation("pop", {})


def test_parameters_are_near_a_preset_and_allowed() -> None:
    chooser = RandomChooser(6)
    seen = {tuple(draw_parameters(TOY, chooser).items()) for _ in range(400)}
    assert len(seen) > 20
    for drawn in seen:
        assert all(value >= 1 and abs(value - DEFAULTS[name]) <= 1 for name, value in drawn)


def test_given_parameters_are_kept() -> None:
    chooser = RandomChooser(7)
    assert {draw_parameters(TOY, chooser, {"capacity": 9})["capacity"] for _ in range(50)} == {9}


def test_the_rarest_candidate_is_preferred_and_nothing_is_changed() -> None:
    reference = ToyReference(DEFAULTS)
    scout = Scout(TOY, DEFAULTS, reference, Novelty())
    push, pop = Operation("push", {"job": 0, "word": ()}), Operation("pop", {})
    before = reference.snapshot()
    assert [scout.rarest([push, pop]).name for _ in range(4)] == ["push", "push", "pop", "push"]
    assert reference.snapshot() == before
    assert reference.events == {}
