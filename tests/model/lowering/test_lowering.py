"""Circuits of a machine do what the machine does, on random states, for every construct of the language."""

from __future__ import annotations

import ast
import inspect

import pytest
import symbolic_machines
from symbolic_agreement import disagreements, random_runs
from symbolic_machines import Chooser, Counter, EveryConstruct, LateRejection, PickFromNothing, Sizes

from kvproof.model.lowering.record import LoweringError
from kvproof.model.lowering.system import System
from kvproof.model.symbolic.circuit import value_of
from kvproof.spec.lang import Machine, compile_machine, invariant, operation, step


@pytest.mark.parametrize(
    "sizes", [Sizes(), Sizes(things=2, limit=3), Sizes(things=1, limit=2)], ids=lambda sizes: f"{sizes.things} things"
)
def test_every_construct_does_what_python_does(sizes: Sizes) -> None:
    system = System(compile_machine(EveryConstruct), sizes)
    found, outcomes = disagreements(system, random_runs(system, lambda: EveryConstruct(sizes), 600, seed=1))
    assert found == []
    assert len(outcomes) >= 9, outcomes


def test_the_machine_with_every_construct_has_every_construct() -> None:
    tree = ast.parse(inspect.getsource(symbolic_machines.EveryConstruct))
    used = {type(node).__name__ for node in ast.walk(tree)}
    assert used >= {
        "AnnAssign", "Assign", "AugAssign", "BoolOp", "Break", "Compare", "Continue", "Delete", "For", "GeneratorExp",
        "If", "IfExp", "Return", "Slice", "Subscript", "Tuple", "UnaryOp", "FloorDiv", "Mod", "Mult", "Sub", "NotIn",
        "Is", "IsNot", "And", "Or", "Not", "USub",
    }  # fmt: skip


def test_an_obligation_knows_the_line_that_states_it() -> None:
    system = System(compile_machine(EveryConstruct), Sizes())
    obligations = system.transition("trade").record.obligations
    rule = next(o for o in obligations if o.rule == "gain-something")
    lines = inspect.getsource(symbolic_machines).splitlines()
    assert 'require(thing in self.bag or by != 0, "gain-something")' in lines[rule.place.line - 1]
    assert rule.place.method == "gain"
    assert rule.place.file.endswith("symbolic_machines.py")


def test_leaving_the_range_of_a_variable_is_an_obligation() -> None:
    system = System(compile_machine(EveryConstruct), Sizes())
    rules = {o.rule for o in system.transition("careless").record.obligations}
    assert {"bound: self.amount[thing]", "defined: self.trail[-1]", "defined: self.line[self.side].front()"} <= rules


def test_branches_and_events_have_the_names_that_the_reference_gives_them() -> None:
    record = System(compile_machine(Counter), Sizes()).transition("increase").record
    assert {(branch.method, branch.arm) for branch in record.branches} == {("increase", "then"), ("increase", "else")}
    assert set(record.events) == {"starts over"}


def test_a_rejection_after_a_step_is_an_obligation() -> None:
    record = System(compile_machine(LateRejection), Sizes()).transition("reset").record
    assert [o.rule for o in record.obligations] == ["all-or-nothing"]
    assert System(compile_machine(Counter), Sizes()).transition("reset").record.obligations == []


def test_an_open_choice_may_take_any_candidate_and_no_other() -> None:
    system = System(compile_machine(Chooser), Sizes(things=3))
    transition = system.transition("pick")
    [choice] = transition.record.choices
    assert choice.name.startswith("thing")
    assert len(choice.candidates) == 3
    state = system.assignment(((1,), 0))
    taken = set()
    for number in range(4):
        chosen = {bit >> 1: number >> i & 1 for i, bit in enumerate(choice.which.bits)}
        values = system.circuit.evaluate({**state, **chosen})
        if all(value_of(values, constraint) for constraint in transition.record.assumptions):
            taken.add(system.snapshot(transition.after, values)[1])
    assert taken == {0, 2}


def test_choosing_from_nothing_is_an_obligation() -> None:
    system = System(compile_machine(PickFromNothing), Sizes(things=2))
    transition = system.transition("pick")
    values = system.circuit.evaluate(system.assignment(((0, 1), 0)))
    assert [o.rule for o in transition.record.obligations if value_of(values, o.bad)][:1] == ["choice-exists:thing"]


class Unbounded(Machine[Sizes]):
    """Divides by something that is no constant."""

    value: symbolic_machines.Count
    """A number."""

    @step
    def set(self, value: symbolic_machines.Count) -> None:
        """Set the number."""
        self.value = value

    @operation
    def divide(self, by: symbolic_machines.Count) -> int:
        """Divide by an argument."""
        self.set(self.value // by)
        return 0

    @invariant
    def anything(self) -> bool:
        """Always true."""
        return True


def test_what_has_no_circuit_is_refused_with_its_line() -> None:
    system = System(compile_machine(Unbounded), Sizes())
    with pytest.raises(LoweringError, match=r"test_lowering\.py:\d+: divide: .*positive constant"):
        system.transition("divide")
