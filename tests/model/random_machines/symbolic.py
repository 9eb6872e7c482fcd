"""What the circuit of a machine says of calls that were run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs

from kvproof.model.lowering.methods import Transition
from kvproof.model.lowering.system import System
from kvproof.model.solving.engines import make
from kvproof.model.symbolic.circuit import FALSE, TRUE, value_of
from kvproof.model.symbolic.encoding import concrete, decoded
from kvproof.spec.lang import plain

from .runners import Outcome, Ran, outcome_of, typed


@attrs.define
class Sample:
    """One call as it was run."""

    before: Any
    name: str
    arguments: dict[str, Any]
    ran: Ran
    branches: set[tuple[str, int, str]]
    invariants: dict[str, Any]
    """Of the state afterwards."""
    after: Any = None
    """The state afterwards, as a snapshot."""

    def __str__(self) -> str:
        return f"{self.name}({self.arguments}) from {self.before} choosing {self.ran.chosen}"


@attrs.frozen
class _At:
    """The values of literals in one of the assignments that were evaluated together."""

    values: list[int]
    mask: int
    position: int

    def __call__(self, literal: int) -> bool:
        return bool(value_of(self.values, literal, self.mask) >> self.position & 1)


class Circuitry:
    """The circuit of one machine, with the inputs of many calls."""

    def __init__(self, system: System) -> None:
        self.system = system

    def assigned(self, sample: Sample) -> dict[int, int]:
        """The inputs for a call, its choices included."""
        system, transition = self.system, self.system.transition(sample.name)
        inputs = {**system.assignment(sample.before), **system.argument_assignment(sample.name, sample.arguments)}
        chosen = [typed(plain(value)) for value in sample.ran.chosen]
        for choice, allowed in zip(transition.record.choices, transition.record.assumptions, strict=True):
            values = system.circuit.evaluate(inputs)
            if not value_of(values, choice.made):
                continue
            for at, candidate in enumerate(choice.candidates):
                number = {bit >> 1: at >> i & 1 for i, bit in enumerate(choice.which.bits)}
                values = system.circuit.evaluate({**inputs, **number})

                read = _At(values, 1, 0)
                wanted = not chosen or typed(concrete(candidate, read)) == chosen[0]
                if wanted and read(allowed):
                    inputs.update(number)
                    del chosen[:1]
                    break
        return inputs

    def differences(self, samples: list[Sample]) -> Iterator[tuple[str, str]]:
        """How the circuit differs from what was run: a short name, and the details."""
        by_name: dict[str, list[Sample]] = {}
        for sample in samples:
            by_name.setdefault(sample.name, []).append(sample)
        for name, some in by_name.items():
            transition = self.system.transition(name)
            inputs: dict[int, int] = {}
            for position, sample in enumerate(some):
                for node, bit in self.assigned(sample).items():
                    inputs[node] = inputs.get(node, 0) | bit << position
            after = self.system.invariants_of(transition.after) if name not in self.system.definition.trials() else {}
            bits = self.system.layout(transition.after) if name not in self.system.definition.trials() else []
            mask = (1 << len(some)) - 1
            values = self.system.circuit.evaluate(inputs, mask)
            for position, sample in enumerate(some):
                read = _At(values, mask, position)
                for kind, told in self._compared(sample, transition, after, read):
                    yield kind, f"{sample}: {told}"
                if bits and sample.ran.outcome.sort == "returned":
                    wanted = self.system.layout(self.system.encoded(sample.after))
                    if list(map(read, bits)) != [literal == TRUE for literal in wanted]:
                        yield "bits of the state", f"{sample}: what the state afterwards does not use is not all zero"

    def solved(self, samples: list[Sample], engine_name: str) -> Iterator[tuple[str, str]]:
        """Where an engine finds that something else can come of a call than what was run, or nothing at all."""
        system, circuit = self.system, self.system.circuit
        engine, sent = make(engine_name), 0
        for sample in samples:
            transition = system.transition(sample.name)
            record = transition.record
            bad = circuit.any([obligation.bad for obligation in record.obligations])
            other = [bad if sample.ran.outcome.sound else bad ^ 1]
            if sample.ran.outcome.sound:
                accepted = sample.ran.outcome.sort == "returned"
                other.append(transition.accepted ^ accepted)
                if accepted and sample.name not in system.definition.trials():
                    wanted = system.layout(system.encoded(sample.after))
                    other += [circuit.xor(x, y) for x, y in zip(system.layout(transition.after), wanted, strict=True)]
            different = circuit.any(other)
            names = {node: circuit.names[node] for node in range(sent, len(circuit)) if node in circuit.names}
            engine.extend(circuit.left[sent:], circuit.right[sent:], names)
            sent = len(circuit)
            given = system.representation + system.argument_constraints(sample.name) + record.assumptions
            fixed = [2 * node + (0 if bit else 1) for node, bit in self.assigned(sample).items()]
            if engine.solve([*fixed, *given]) is None:
                yield f"{engine_name} finds nothing", str(sample)
            elif engine.solve([*fixed, *given, different]) is not None:
                yield f"{engine_name} finds another outcome", str(sample)

    def _compared(self, sample: Sample, transition: Transition, after: Any, read: Any) -> Iterator[tuple[str, str]]:
        system, ran, record = self.system, sample.ran, transition.record
        if not all(map(read, system.representation + system.argument_constraints(sample.name))):
            yield "encoding", "state or arguments are not what the representation allows"
        if typed(self._state(system.state, read)) != typed(sample.before):
            yield "encoding", f"the state reads as {self._state(system.state, read)}"
        if not all(map(read, record.assumptions)):
            yield "choice", "the choices made are not allowed"
            return
        first = next((o for o in record.obligations if read(o.bad)), None)
        said = Outcome("returned") if first is None else outcome_of(first.rule)
        if not ran.outcome.sound:
            if said != ran.outcome:
                yield f"{ran.outcome.sort} vs circuit {said.sort}", f"{ran.outcome} where the circuit breaks {first}"
            return
        if first is not None:
            yield f"{ran.outcome.sort} vs circuit {said.sort}", f"{ran.outcome} where the circuit breaks {first}"
            return
        trial = sample.name in system.definition.trials()
        accepted = read(transition.accepted)
        if accepted != (ran.outcome.sort == "returned"):
            yield "accepted", f"{ran.outcome} where the circuit says accepted: {accepted}"
            return
        if ran.outcome.sort == "rejected" and not read(record.rejections.get(ran.outcome.what, FALSE)):
            yield "rejection", f"{ran.outcome} where the circuit has another rejection"
        if ran.outcome.sort == "rejected":
            others = [error for error, path in record.rejections.items() if read(path) and error != ran.outcome.what]
            if others:
                yield "rejection", f"{ran.outcome} where the circuit has also {others}"
        events = {event for event, path in record.events.items() if read(path)}
        if events != ran.events and not trial:
            yield "events", f"{sorted(ran.events)} where the circuit says {sorted(events)}"
        steps = {step for step, path in record.steps.items() if read(path)}
        if steps != {step for step, _ in ran.steps} and not trial:
            yield "steps", f"{ran.steps} where the circuit says {sorted(steps)}"
        branches = {tuple(branch) for branch, path in record.branches.items() if read(path)}
        if not trial and branches != sample.branches:
            missing, more = sorted(sample.branches - branches), sorted(branches - sample.branches)
            yield "branches", f"the circuit misses {missing} and has also {more}"
        if not accepted or trial:
            return
        if typed(self._state(transition.after, read)) != ran.after:
            yield "state", f"leads to {ran.after} where the circuit says {self._state(transition.after, read)}"
        result = typed(concrete(transition.result, read))
        if loosely(result) != loosely(ran.outcome.what):
            yield "result", f"{ran.outcome} where the circuit returns {result}"
        for name, predicate in after.items():
            holds = read(predicate.holds) and not any(read(o.bad) for o in predicate.obligations)
            if holds != sample.invariants.get(name):
                yield "invariant", f"{name} is {sample.invariants.get(name)} afterwards where the circuit says {holds}"

    def _state(self, state: Any, read: Any) -> Any:
        return tuple(
            decoded(self.system.algebra, shape, state[name], read) for name, shape in self.system.shapes.items()
        )


def loosely(value: Any) -> Any:
    """A value of `typed`, in which truth values are the numbers that they are for Python."""
    if isinstance(value, dict):
        return {name: loosely(part) for name, part in value.items()}
    if isinstance(value, tuple):
        return value[1] if value[:1] == ("bool",) else tuple(loosely(part) for part in value)
    return value
