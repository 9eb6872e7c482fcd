"""Runs a machine and its circuits side by side on random states."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from typing import Any

from kvproof.model.circuit import value_of
from kvproof.model.symbolic_encoding import decoded, number
from kvproof.model.symbolic_integers import Int
from kvproof.model.symbolic_shapes import IntShape, domain
from kvproof.model.system import System
from kvproof.spec.lang import OutOfDomain, Rejected, RuleBroken


def random_runs(
    system: System, make: Callable[[], Any], count: int, seed: int, restart: int = 40
) -> dict[str, list[Any]]:
    """Random operations from reachable states: for each operation (before, arguments, outcome, after, broken)."""
    rng = random.Random(seed)
    domains = {
        name: {argument: domain(shape) for argument, shape in system.lowering.argument_shapes(name).items()}
        for name in system.operations
    }
    machine = make()
    samples: dict[str, list[Any]] = {name: [] for name in system.operations}
    for i in range(count):
        if i % restart == 0:
            machine = make()
        name = rng.choice(system.operations)
        arguments = {argument: rng.choice(values) for argument, values in domains[name].items()}
        before = machine.snapshot()
        try:
            outcome = ("accepted", int(machine.apply(name, arguments)))
        except Rejected as rejection:
            outcome = ("rejected", rejection.error)
        except RuleBroken as broken:
            outcome = ("broken", broken.rule)
        except (OutOfDomain, IndexError):
            outcome = ("broken", None)
        sound = outcome[0] in ("accepted", "rejected")
        samples[name].append((before, arguments, outcome, machine.snapshot(), machine.check() if sound else None))
        if not sound:
            machine = make()
    return samples


def disagreements(system: System, samples: dict[str, list[Any]]) -> tuple[list[str], Counter[str]]:
    """How the circuits differ from what happened, and how often each outcome was compared."""
    found: list[str] = []
    outcomes: Counter[str] = Counter()
    for name, runs in samples.items():
        transition = system.transition(name)
        after_invariants = system.invariants_of(transition.after)
        inputs: dict[int, int] = {}
        for position, (before, arguments, *_) in enumerate(runs):
            assigned = {**system.assignment(before), **system.argument_assignment(name, arguments)}
            for node, bit in assigned.items():
                inputs[node] = inputs.get(node, 0) | bit << position
        mask = (1 << len(runs)) - 1
        values = system.circuit.evaluate(inputs, mask)
        legal = system.representation + system.argument_constraints(name)
        for position, (before, arguments, outcome, after, broken) in enumerate(runs):

            def read(literal: int, position: int = position) -> bool:
                return bool(value_of(values, literal, mask) >> position & 1)

            def state(part: Any, read: Callable[[int], bool] = read) -> tuple[Any, ...]:
                return tuple(decoded(system.algebra, shape, part[n], read) for n, shape in system.shapes.items())

            outcomes[f"{name} {outcome[0]}"] += 1
            here = f"{name}({arguments}) from {before}: {outcome}"
            if not all(map(read, legal)) or state(system.state) != before:
                found.append(f"{here}: the state is not encoded as itself")
            first_bad = next((o for o in transition.record.obligations if read(o.bad)), None)
            if outcome[0] == "broken":
                if first_bad is None or (outcome[1] is not None and first_bad.rule != outcome[1]):
                    found.append(f"{here}: obligation {first_bad}")
                continue
            if first_bad is not None:
                found.append(f"{here}: obligation {first_bad} is said to be broken")
            if outcome[0] == "rejected":
                if read(transition.accepted) or not read(transition.record.rejections[outcome[1]]):
                    found.append(f"{here}: is not rejected so")
                continue
            if not read(transition.accepted):
                found.append(f"{here}: is not accepted")
            elif state(transition.after) != after:
                found.append(f"{here}: leads to {state(transition.after)} instead of {after}")
            assert isinstance(transition.result, Int)
            if number(transition.result, IntShape(0, 0), read) != outcome[1]:
                found.append(f"{here}: returns {number(transition.result, IntShape(0, 0), read)}")
            said = sorted(n for n, predicate in after_invariants.items() if not read(predicate.holds))
            if said != sorted(broken):
                found.append(f"{here}: invariants {said} are said to be broken instead of {broken}")
    return found, outcomes
