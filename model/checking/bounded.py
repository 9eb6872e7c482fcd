"""Bounded check: the shortest run from the initial state that breaks a rule or an invariant.

The transition is unrolled depth by depth, with a selector for the operation at each depth. After each depth without a
violation that fact is asserted, so a property that is kept step by step costs almost nothing per depth. Frames are rebuilt
from constants, so the first ones, near the constant initial state, fold to little. A counterexample is executed on the
machine itself before it is returned, its open choices made as the counterexample makes them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs

from kvproof.model.checking.induction_operation import OBLIGATIONS_A_QUERY
from kvproof.model.checking.verdict import Call, Finding, Report, Verdict
from kvproof.model.lowering.system import System
from kvproof.model.solving.solver import Outcome, Solver, default_engine
from kvproof.model.symbolic.circuit import FALSE, Circuit, value_of
from kvproof.model.symbolic.integers import width
from kvproof.spec.lang.definition import Definition
from kvproof.spec.lang.errors import NotAssumed, OutOfDomain, Rejected, RuleBroken
from kvproof.spec.lang.machine import deciding


class CircuitDisagreement(Exception):
    """The circuit and the machine run directly do not do the same: a defect of kvproof, not of the machine."""


@attrs.frozen
class _Step:
    """What the unrolling needs of one operation, over the arbitrary state."""

    operation: str
    accepted: int
    after: list[int]
    bad: list[int]
    """Groups of obligations: each literal says that one of its group is broken."""
    goals: dict[str, int]
    reads_only: bool
    """It leaves every state as it is, as trials do: no run need go on from there."""


@attrs.frozen
class _Frame:
    """One depth of the unrolling."""

    chosen: dict[str, int]
    """For each operation, the literal that it is the one taken here."""
    inputs: Mapping[int, int]
    """Where the inputs of the system's circuit are in the unrolled one."""


class Bounded:
    """The unrolling of one machine."""

    def __init__(self, definition: Definition, parameters: Any, engine: str, operations: Sequence[str] | None) -> None:
        self._definition = definition
        self._parameters = parameters
        self.system = System(definition, parameters)
        self._names = tuple(self.system.operations if operations is None else operations)
        self._state_inputs = self.system.layout(self.system.state)
        self._steps = [self._step(name) for name in self._names]
        invariants = self.system.invariants
        self._holds = [
            self.system.circuit.all([predicate.holds, *(o.bad ^ 1 for o in predicate.obligations)])
            for predicate in invariants.values()
        ]
        self._roots: list[int] = []
        """All that a frame takes over from the system's circuit."""
        for step in self._steps:
            record = self.system.transition(step.operation).record
            self._roots += self.system.argument_constraints(step.operation) + record.assumptions
            self._roots += [step.accepted, *step.bad, *step.after, *step.goals.values()]
        cone = self.system.circuit.cone(self._roots)
        self._free_inputs = [node for node in cone if self.system.circuit.is_input(node)]
        self.circuit = Circuit()
        self.solver = Solver(self.circuit, engine)
        self._frames: list[_Frame] = []
        self._state = [bit & 1 for bit in self.system.layout(self.system.encoded(self.system.initial))]
        self.reached: dict[str, int] = {}
        """For each goal, the depth of its first witness."""

    def _step(self, name: str) -> _Step:
        transition = self.system.transition(name)
        record = transition.record
        goals = {f"{name} accepted": transition.accepted}
        if name not in self._definition.trials():
            goals.update({f'{name} rejection "{error}"': path for error, path in record.rejections.items()})
            goals.update({f'event "{event}"': path for event, path in record.events.items()})
            goals.update({f"{b.method}:{b.line} {b.arm}": path for b, path in record.branches.items()})
        every = [obligation.bad for obligation in record.obligations]
        groups = range(0, len(every), OBLIGATIONS_A_QUERY)
        bad = [self.system.circuit.any(every[start : start + OBLIGATIONS_A_QUERY]) for start in groups]
        after = self.system.layout(transition.after)
        stays = after == self._state_inputs or name in self._definition.trials()
        return _Step(name, transition.accepted, after, bad, goals, stays)

    @property
    def goals(self) -> tuple[str, ...]:
        """Everything that some run should reach."""
        return tuple(dict.fromkeys(goal for step in self._steps for goal in step.goals))

    def frame(self) -> tuple[int, list[int], dict[str, int]]:
        """Unroll one more depth: the literal that an operation changed the state, what must not happen, and the goals.

        What must not happen comes in the order in which it is best disproved: operation by operation as each runs, then
        the invariants.
        """
        system, circuit, depth = self.system, self.circuit, len(self._frames)
        inputs = {bit >> 1: value for bit, value in zip(self._state_inputs, self._state, strict=True) if bit > 1}
        state_nodes = set(inputs)
        for node in self._free_inputs:
            if node not in state_nodes:
                inputs[node] = circuit.input(f"{system.circuit.names[node]}@{depth}")
        moved = iter(system.circuit.substitute(self._roots, inputs, circuit))
        chosen = self._selectors(depth)
        accepted, bad = [], []
        after: list[list[int]] = []
        goals: dict[str, list[int]] = {}
        for step in self._steps:
            take = chosen[step.operation]
            constraints = (
                system.argument_constraints(step.operation) + system.transition(step.operation).record.assumptions
            )
            self.solver.add([circuit.either(take ^ 1, next(moved)) for _ in constraints])
            done = next(moved)
            if not step.reads_only:
                accepted.append(circuit.both(take, done))
            bad += [circuit.both(take, next(moved)) for _ in step.bad]
            moved_to = [circuit.both(take, next(moved)) for _ in step.after]
            if not step.reads_only:
                after.append(moved_to)
            for goal in step.goals:
                goals.setdefault(goal, []).append(circuit.both(take, next(moved)))
        self._frames.append(_Frame(chosen, inputs))
        self._state = [circuit.any(column) for column in zip(*after, strict=True)] if after else self._state
        next_inputs = {bit >> 1: value for bit, value in zip(self._state_inputs, self._state, strict=True) if bit > 1}
        completed = circuit.any(accepted)
        bad += [circuit.both(completed, h ^ 1) for h in system.circuit.substitute(self._holds, next_inputs, circuit)]
        return (
            completed,
            [one for one in bad if one != FALSE],
            {goal: circuit.any(paths) for goal, paths in goals.items()},
        )

    def _selectors(self, depth: int) -> dict[str, int]:
        """Exactly one operation is taken: a number in binary says which, and what is left over stands for the last."""
        circuit = self.circuit
        bits = [circuit.input(f"operation taken:{i}@{depth}") for i in range(width(0, len(self._names) - 1))]
        chosen: dict[str, int] = {}
        for number, name in enumerate(self._names[:-1]):
            chosen[name] = circuit.all([bit ^ (0 if number >> i & 1 else 1) for i, bit in enumerate(bits)])
        chosen[self._names[-1]] = circuit.any(chosen.values()) ^ 1
        return chosen

    def calls(self, model: Mapping[int, int], frames: int) -> tuple[Call, ...]:
        """The operations of a model, with concrete arguments and choices."""
        values = self.circuit.evaluate(model)
        found = []
        for frame in self._frames[:frames]:
            name = next(name for name, literal in frame.chosen.items() if value_of(values, literal))
            inside = {node: value_of(values, literal) for node, literal in frame.inputs.items()}
            system_values = self.system.circuit.evaluate(inside)
            arguments = self.system.concrete_arguments(name, system_values)
            found.append(Call(name, arguments, self.system.choices(name, system_values)))
        return tuple(found)

    def executed(self, calls: Sequence[Call]) -> Finding:
        """Run a counterexample on the machine itself; what breaks there is the finding."""
        machine = self._definition.cls(self._parameters)
        for position, call in enumerate(calls):
            try:
                with deciding(call.choices):
                    machine.apply(call.operation, dict(call.arguments))
                violated = machine.check()
            except OutOfDomain as broken:
                return Finding(broken.rule, "obligation", tuple(calls[: position + 1]), None, None)
            except RuleBroken as broken:
                return Finding(broken.rule, "rule", tuple(calls[: position + 1]), None, None)
            except (NotAssumed, Rejected):
                break
            if violated:
                return Finding(violated[0], "invariant", tuple(calls[: position + 1]), None, None)
        raise CircuitDisagreement(
            f"the circuit breaks after {'; '.join(map(str, calls))}, and the machine run directly does not"
        )


def check_bounded(
    definition: Definition,
    parameters: Any,
    *,
    depth: int = 8,
    engine: str | None = None,
    seconds: float = 300.0,
    progress: Callable[[int, float], None] | None = None,
    reach: bool = False,
    operations: Sequence[str] | None = None,
) -> Report:
    """Search all runs of at most `depth` operations for the shortest violation.

    With `reach`, also find for each branch, rejection and event the first depth at which a run gets there.
    `progress` is called with each depth that was shown safe, and the seconds so far.
    """
    engine = engine or default_engine()
    started = time.monotonic()
    deadline = started + seconds
    search = Bounded(definition, parameters, engine, operations)

    def report(verdict: Verdict, at: int, findings: tuple[Finding, ...] = ()) -> Report:
        return Report(
            check="bounded",
            machine=definition.name,
            sizes=attrs.asdict(parameters),
            engine=engine,
            verdict=verdict,
            seconds=time.monotonic() - started,
            depth=at,
            findings=findings,
            reached=tuple(f"{goal} at depth {found}" for goal, found in search.reached.items()),
            unreached=tuple(goal for goal in search.goals if goal not in search.reached) if reach else (),
            nodes=len(search.circuit),
            clauses=search.solver.clauses,
        )

    broken = definition.cls(parameters).check()
    if broken:
        return report(Verdict.VIOLATED, 0, (Finding(broken[0], "invariant", (), None, None),))
    with search.solver:
        for current in range(1, depth + 1):
            if time.monotonic() >= deadline:
                return report(Verdict.UNKNOWN, current - 1)
            completed, wrong, goals = search.frame()
            for bad in wrong:
                answer = search.solver.solve([bad], deadline)
                if answer.satisfiable:
                    calls = search.calls(answer.model, current)
                    finding = search.executed(calls)
                    return report(Verdict.VIOLATED, len(finding.calls), (finding,))
                if answer.outcome is Outcome.UNKNOWN:
                    return report(Verdict.UNKNOWN, current - 1)
                search.solver.add([bad ^ 1])
            if reach and not _reach(search, goals, current, deadline):
                return report(Verdict.UNKNOWN, current)
            search.solver.add([completed])
            if progress is not None:
                progress(current, time.monotonic() - started)
            if search.solver.solve([], deadline).unsatisfiable:
                break
    return report(Verdict.HOLDS, depth)


def _reach(search: Bounded, goals: Mapping[str, int], depth: int, deadline: float) -> bool:
    """Note the goals that a run first reaches at this depth; False when the time was spent."""
    remaining = {goal: path for goal, path in goals.items() if goal not in search.reached and path != FALSE}
    while remaining:
        answer = search.solver.solve([search.circuit.any(remaining.values())], deadline)
        if answer.outcome is Outcome.UNKNOWN:
            return False
        if answer.unsatisfiable:
            return True
        values = search.circuit.evaluate(answer.model)
        for goal, path in list(remaining.items()):
            if value_of(values, path):
                search.reached[goal] = depth
                del remaining[goal]
    return True
