"""No two bits have one name: what is known of a bit, and what z3 is asked about, goes by names alone."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from enum import IntEnum

import pytest
from optional_map import AlwaysThere, NoneIsNothing, Places, TwoChoosers

from kvproof.model.checking.bounded import check_bounded
from kvproof.model.checking.explore import explore
from kvproof.model.checking.induction import check_induction
from kvproof.model.checking.verdict import Verdict
from kvproof.model.lowering.system import System
from kvproof.model.machines import load
from kvproof.model.solving.engines import Z3Engine
from kvproof.model.solving.solver import ENGINES
from kvproof.model.symbolic.circuit import Circuit, NameTaken
from kvproof.model.symbolic.encoding import Freshness, label
from kvproof.model.symbolic.shapes import (
    BoolShape,
    IntShape,
    MapShape,
    OptionShape,
    PartialMapShape,
    QueueShape,
    RecordShape,
    SeqShape,
    SetShape,
    Shape,
)
from kvproof.model.symbolic.values import Algebra
from kvproof.spec.lang import Machine, compile_machine


class Plain(IntEnum):
    is_ = 0
    len = 1


Odd = IntEnum("Odd", {"a,b": 0, "0": 1, "x]?": 2})
"""Names that no class statement could give."""

FIELDS = ("is", "len", "at", "x", "value", "argument", "gate", "choose", "operation")


def random_key(rng: random.Random, depth: int) -> Shape:
    kind = rng.randrange(5 if depth else 3)
    if kind == 0:
        return BoolShape()
    if kind == 1:
        return IntShape(low := rng.randrange(-2, 2), low + rng.randrange(3))
    if kind == 2:
        return rng.choice([IntShape(0, 1, Plain), IntShape(0, 2, Odd)])
    if kind == 3:
        return OptionShape(random_key(rng, depth - 1))
    return SeqShape(random_key(rng, depth - 1), rng.randrange(3), exact=rng.random() < 0.5)


def random_shape(rng: random.Random, depth: int) -> Shape:
    """Any shape, also such as no machine can declare: names must not depend on what else is refused."""
    kind = rng.randrange(9 if depth else 2)
    if kind == 0:
        return BoolShape()
    if kind == 1:
        return IntShape(low := rng.randrange(-3, 2), low + rng.randrange(9))
    if kind == 2:
        return OptionShape(random_shape(rng, depth - 1))
    if kind == 3:
        return SeqShape(random_shape(rng, depth - 1), rng.randrange(3), exact=rng.random() < 0.5)
    if kind == 4:
        names = rng.sample(FIELDS, rng.randrange(1, 4))
        return RecordShape("R", tuple((name, random_shape(rng, depth - 1)) for name in names))
    if kind in (5, 6):
        return (MapShape if kind == 5 else PartialMapShape)(random_key(rng, 1), random_shape(rng, depth - 1))
    if kind == 7:
        return SetShape(random_key(rng, 1))
    return QueueShape(IntShape(0, rng.randrange(3)), IntShape(0, rng.randrange(3)))


def sortable(shape: Shape) -> bool:
    """Whether the keys of sets and partial maps in it have an order, as the language demands."""
    try:
        _ = getattr(shape, "keys", None)
    except TypeError:  # None and a number
        return False
    parts = [getattr(shape, name) for name in ("inner", "value") if hasattr(shape, name)]
    parts += [field for _, field in getattr(shape, "fields", ())]
    return all(map(sortable, parts))


@pytest.mark.parametrize("seed", range(8))
def test_bits_of_arbitrary_values_of_any_shape_have_names_of_their_own(seed: int) -> None:
    rng = random.Random(seed)
    circuit = Circuit()
    for i, name in enumerate(itertools.islice(state_names(), 40)):
        shape = random_shape(rng, 3)
        if sortable(shape):
            before = len(circuit.names)
            Freshness(Algebra(circuit)).value(shape, name)
            assert len(circuit.names) >= before, i
    assert len(set(circuit.names.values())) == len(circuit.names) > 100


def state_names() -> Iterator[str]:
    yield from FIELDS
    for a, b in itertools.product(FIELDS, repeat=2):
        yield f"{a}_{b}"


def test_a_name_says_the_way_to_the_bit() -> None:
    circuit = Circuit()
    record = RecordShape("R", (("is", OptionShape(BoolShape())), ("len", SeqShape(BoolShape(), 1, exact=False))))
    Freshness(Algebra(circuit)).value(PartialMapShape(IntShape(0, 0, Plain), OptionShape(record)), "x")
    expected = ["x[is_]@", "x[is_]?", "x[is_]!.is?", "x[is_]!.is!", "x[is_]!.len#:0", "x[is_]!.len[0]"]
    assert list(circuit.names.values()) == expected


def test_keys_of_one_container_are_written_apart() -> None:
    for keys in (
        tuple(Odd),
        (*Plain, 0, 1),
        ((0, 1), (0,), ()),
        (None, False, True, 0, 1, -1),
        ((None, (1,)), (None, 1)),
    ):
        assert len({label(key) for key in keys}) == len(keys)
    with pytest.raises(TypeError, match="'0' is no key"):
        label("0")


def test_a_name_can_be_taken_once() -> None:
    circuit = Circuit()
    circuit.input("x")
    with pytest.raises(NameTaken, match="'x'"):
        circuit.input("x")


def test_z3_refuses_a_name_that_it_has() -> None:
    engine = Z3Engine()
    engine.extend([-1], [-1], {0: ""})
    engine.extend([-1], [-1], {1: "x"})
    with pytest.raises(ValueError, match="'x'"):
        engine.extend([-1], [-1], {2: "x"})


def test_no_input_is_taken_for_a_gate_of_z3() -> None:
    """x & y is gate 4: an input that is called as a gate might be is another variable."""
    for taken in ("gate.4", "gate 4", "4", "k!4", "k!5"):
        engine = Z3Engine()
        engine.extend([-1, -1, -1, -1, 2], [-1, -1, -1, -1, 4], {1: "x", 2: "y", 3: taken})
        for gate, other in itertools.product((8, 9), (6, 7)):
            assert engine.solve([gate, other]) is not None, taken


@pytest.mark.parametrize("machine", ["block-manager", "transfers", "sequence-caches", "executor", "kitchen:Kitchen"])
def test_everything_in_one_circuit_has_a_name_of_its_own(machine: str) -> None:
    bundle = load(machine)
    system = System(bundle.definition, next(iter(bundle.sizes["induction"].values())))
    for operation in system.operations:
        system.arguments(operation)
    names = list(system.circuit.names.values())
    assert len(set(names)) == len(names)


def test_each_operation_has_its_own_choices() -> None:
    system = System(compile_machine(TwoChoosers), Places())
    for operation in system.operations:
        system.transition(operation)
    chosen = sorted(name for name in system.circuit.names.values() if name.startswith("choice "))
    assert chosen == ["choice forget 0:0", "choice look 0:0", "choice look 0:1"]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("machine", [NoneIsNothing, AlwaysThere])
def test_presence_in_a_map_is_not_taken_for_that_of_the_value(machine: type[Machine[Places]], engine: str) -> None:
    definition = compile_machine(machine)
    induction = check_induction(definition, Places(), engine=engine)
    bounded = check_bounded(definition, Places(), depth=3, engine=engine)
    assert induction.verdict is Verdict.NOT_INDUCTIVE
    assert bounded.verdict is Verdict.VIOLATED
    assert induction.findings[0].rule == bounded.findings[0].rule == "noted-is-something"


@pytest.mark.parametrize("machine", [NoneIsNothing, AlwaysThere])
def test_exploration_says_the_same_of_them(machine: type[Machine[Places]]) -> None:
    report = explore(load(f"optional_map:{machine.__name__}"), Places())
    assert report.verdict is Verdict.VIOLATED
