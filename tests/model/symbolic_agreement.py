"""Runs a machine and its circuits side by side on random states."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from random_runs import random_value

from kvproof.model.lowering.methods import Predicate, State, Transition
from kvproof.model.lowering.system import System
from kvproof.model.symbolic.circuit import value_of
from kvproof.model.symbolic.encoding import decoded
from kvproof.model.symbolic.shapes import IntegerShape, shape_of
from kvproof.model.symbolic.values import NONE
from kvproof.spec.lang import NotAssumed, OutOfDomain, Rejected, RuleBroken, plain
from kvproof.spec.lang.types import Type


def random_runs(
    system: System, make: Callable[[], Any], count: int, seed: int, restart: int = 40
) -> dict[str, list[Any]]:
    """Random operations and trials from reachable states: for each (before, arguments, outcome, after, broken)."""
    rng = random.Random(seed)
    seen: dict[Type, list[tuple[Any, ...]]] = {}
    machine = make()
    samples: dict[str, list[Any]] = {name: [] for name in system.operations}
    for i in range(count):
        if i % restart == 0:
            machine = make()
        name = rng.choice(system.operations)
        arguments = {
            argument: random_value(kind, system.parameters, rng, seen)
            for argument, kind in system.definition.methods[name].arguments
            if kind is not None
        }
        before = machine.snapshot()
        try:
            outcome: tuple[str, Any] = ("accepted", plain(_applied(machine, name, arguments, before)))
        except (Rejected, getattr(machine, "Rejected", Rejected)) as rejection:
            outcome = ("rejected", rejection.error)
        except NotAssumed:
            outcome = ("not assumed", None)
        except (RuleBroken, getattr(machine, "RuleBroken", RuleBroken)) as broken:
            outcome = ("broken", broken.rule)
        except (OutOfDomain, LookupError, ValueError, TypeError):
            outcome = ("broken", None)
        sound = outcome[0] != "broken"
        samples[name].append((before, arguments, outcome, machine.snapshot(), machine.check() if sound else None))
        if not sound:
            machine = make()
    return samples


def _applied(machine: Any, name: str, arguments: dict[str, Any], before: Any) -> Any:
    """What an operation returns; a trial, run on a machine or its reference, returns nothing."""
    if name not in getattr(machine, "TRIALS", ()):
        return machine.apply(name, arguments)
    if not machine.attempt(name, arguments, before):
        raise NotAssumed
    return None


def disagreements(system: System, samples: dict[str, list[Any]]) -> tuple[list[str], Counter[str]]:
    """How the circuits differ from what happened, and how often each outcome was compared."""
    found: list[str] = []
    outcomes: Counter[str] = Counter()
    for name, runs in samples.items():
        transition = system.transition(name)
        invariants = system.invariants_of(transition.after)
        inputs: dict[int, int] = {}
        for position, (before, arguments, *_) in enumerate(runs):
            assigned = {**system.assignment(before), **system.argument_assignment(name, arguments)}
            for node, bit in assigned.items():
                inputs[node] = inputs.get(node, 0) | bit << position
        mask = (1 << len(runs)) - 1
        values = system.circuit.evaluate(inputs, mask)
        for position, run in enumerate(runs):
            outcomes[f"{name} {run[2][0]}"] += 1
            reading = _Reading(system, [values, mask, position])
            found += [
                f"{name}({run[1]}) from {run[0]}: {what}" for what in _differences(reading, transition, invariants, run)
            ]
    return found, outcomes


class _Reading:
    """The values of literals in one of the assignments that were evaluated together."""

    def __init__(self, system: System, evaluated: list[Any]) -> None:
        self._system = system
        self.definition, self.parameters, self.algebra = system.definition, system.parameters, system.algebra
        self._values, self._mask, self._position = evaluated

    def __call__(self, literal: int) -> bool:
        return bool(value_of(self._values, literal, self._mask) >> self._position & 1)

    def state(self, part: State) -> tuple[Any, ...]:
        """A symbolic state as a snapshot."""
        shapes = self._system.shapes
        return tuple(decoded(self._system.algebra, shape, part[name], self) for name, shape in shapes.items())

    def legal(self, operation: str) -> bool:
        """Whether state and arguments satisfy the constraints of their representation."""
        return all(map(self, self._system.representation + self._system.argument_constraints(operation)))

    def unchanged(self, before: tuple[Any, ...]) -> bool:
        """Whether the state reads as the snapshot that was encoded."""
        return self.state(self._system.state) == before


def _kind(rule: str) -> str:
    """A rule that the machine states; or the kind of one that all have, whose expression each tells in its way."""
    return rule.partition(":")[0] if rule.startswith(("bound:", "defined:")) else rule


def _differences(
    read: _Reading, transition: Transition, invariants: dict[str, Predicate], run: tuple[Any, ...]
) -> Iterator[str]:
    before, _, outcome, after, broken = run
    if not read.legal(transition.operation) or not read.unchanged(before):
        yield "the state is not encoded as itself"
    first_bad = next((o for o in transition.record.obligations if read(o.bad)), None)
    if outcome[0] == "broken":
        if first_bad is None or (outcome[1] is not None and _kind(first_bad.rule) != _kind(outcome[1])):
            yield f"{outcome}, but the obligation broken is {first_bad}"
        return
    if first_bad is not None:
        yield f"{outcome}, but the obligation {first_bad} is said to be broken"
    if transition.operation in read.definition.trials():
        if read(transition.accepted) != (outcome[0] == "accepted"):
            yield f"{outcome}, but the assumptions are said to be {read(transition.accepted)}"
        return
    if outcome[0] == "rejected":
        if read(transition.accepted) or not read(transition.record.rejections[outcome[1]]):
            yield f"{outcome}, but is not rejected so"
        return
    if not read(transition.accepted):
        yield "is not accepted"
    elif read.state(transition.after) != after:
        yield f"leads to {read.state(transition.after)} instead of {after}"
    returns = read.definition.methods[transition.operation].returns
    shape = IntegerShape() if returns is None else shape_of(returns, read.parameters)
    nothing = transition.result is NONE
    result = None if nothing else decoded(read.algebra, shape, transition.result, read, named=True)
    if result != outcome[1]:
        yield f"returns {result} instead of {outcome[1]}"
    said = sorted(name for name, predicate in invariants.items() if not read(predicate.holds))
    if said != sorted(broken):
        yield f"invariants {said} are said to be broken instead of {broken}"
