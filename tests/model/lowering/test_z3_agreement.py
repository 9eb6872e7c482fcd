"""z3's evaluation of an operation is what the specification and the generated reference do.

The inputs are fixed to a reachable state and concrete arguments; z3 must find that nothing else than the reference's
outcome and next state is possible.
"""

from __future__ import annotations

import random
import time
from typing import Any

import pytest
from random_runs import random_calls

from kvproof.model import machines
from kvproof.model.lowering.system import System
from kvproof.model.solving.solver import Solver

CALLS = 40


def _literals(assignment: dict[int, int]) -> list[int]:
    return [2 * node + (0 if value else 1) for node, value in assignment.items()]


def _difference(system: System, operation: str, accepted: bool, after: tuple[Any, ...]) -> int:
    """The literal "the outcome, or the state after an accepted operation, is another one".

    After a rejection the state is the one before: that it took no step is an obligation of its own.
    """
    circuit, transition = system.circuit, system.transition(operation)
    differing = [transition.accepted ^ (1 if accepted else 0)]
    if not accepted:
        return int(differing[0])
    for bit, wanted in zip(system.layout(transition.after), system.layout(system.encoded(after)), strict=True):
        differing.append(circuit.xor(bit, wanted))
    return int(circuit.any(differing))


def _steps(machine: str, label: str) -> Any:
    bundle = machines.load(machine)
    parameters = bundle.sizes["induction"][label]
    direct, reference = bundle.definition.cls(parameters), bundle.reference(parameters)
    for name, arguments in random_calls(bundle.definition, parameters, random.Random(label), CALLS):
        before = reference.snapshot()
        outcomes = []
        for runner in (direct, reference):
            try:
                runner.apply(name, arguments)
                outcomes.append(True)
            except Exception as error:
                if type(error).__name__ != "Rejected":
                    raise
                outcomes.append(False)
        assert outcomes[0] == outcomes[1]
        assert direct.snapshot() == reference.snapshot()
        yield name, arguments, before, outcomes[0], reference.snapshot()


@pytest.mark.parametrize(
    ("machine", "label"),
    [
        ("block-manager", "2+2, two tokens a block"),
        ("transfers", "1+1, 3 works"),
        ("sequence-caches", "2+1"),
        ("executor", "2+0, two rows"),
        ("mailbox:Mailbox", "3 jobs"),
        ("kitchen:Kitchen", "2 courses"),
    ],
)
def test_z3_evaluates_operations_as_the_reference_does(machine: str, label: str) -> None:
    bundle = machines.load(machine)
    parameters = bundle.sizes["induction"][label]
    system = System(bundle.definition, parameters)
    accepted = 0
    with Solver(system.circuit, "z3") as solver:
        for name, arguments, before, was_accepted, after in _steps(machine, label):
            transition = system.transition(name)
            policy = [] if machine == "block-manager" else transition.record.assumptions
            fixed = _literals({**system.assignment(before), **system.argument_assignment(name, arguments)})
            different = _difference(system, name, was_accepted, after)
            deadline = time.monotonic() + 60
            assert solver.solve([*fixed, *policy], deadline).satisfiable
            if name != "serve":  # z3 takes the open choice as it likes
                assert solver.solve([*fixed, *policy, different], deadline).unsatisfiable
                accepted += was_accepted
    assert accepted >= 5


def test_the_agreement_can_fail() -> None:
    bundle = machines.load("block-manager")
    system = System(bundle.definition, bundle.sizes["induction"]["2+2"])
    name, arguments, before, was_accepted, _ = next(
        step for step in _steps("block-manager", "2+2") if step[2] != step[4]
    )
    with Solver(system.circuit, "z3") as solver:
        system.transition(name)
        fixed = _literals({**system.assignment(before), **system.argument_assignment(name, arguments)})
        unchanged = _difference(system, name, was_accepted, before)
        assert solver.solve([*fixed, unchanged], time.monotonic() + 60).satisfiable
