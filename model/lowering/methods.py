"""A machine's methods as circuits: walks the syntax trees of operations and invariants over symbolic state.

Loops unroll, helpers and steps are inlined, branches are executed apart and merged where they meet. What must not happen
(a broken `require`, a value out of its type, a rejection after a step, a read of what is not there) becomes an obligation
under its path condition. There is one source, the machine, and no enumeration of paths.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from kvproof.model.lowering.environment import Environment
from kvproof.model.lowering.record import LoweringError, Obligation, Place, Record
from kvproof.model.lowering.statements import Statements
from kvproof.model.symbolic.circuit import FALSE, TRUE, Circuit
from kvproof.model.symbolic.containers import Containers
from kvproof.model.symbolic.integers import Value
from kvproof.model.symbolic.shapes import Shape, shape_of
from kvproof.model.symbolic.values import Algebra, Bool, Option
from kvproof.spec.lang.definition import Definition

State = Mapping[str, Value]


@attrs.frozen(eq=False)
class Transition:
    """One operation on a symbolic state."""

    operation: str
    arguments: Mapping[str, Value]
    accepted: int
    """The operation completes."""
    after: State
    """The state afterwards, where `accepted` holds. A rejection leaves the state, by the obligation all-or-nothing."""
    result: Value
    record: Record


@attrs.frozen(eq=False)
class Predicate:
    """An invariant on a symbolic state."""

    name: str
    holds: int
    obligations: tuple[Obligation, ...]
    """What must hold for the invariant to have a value at all."""


class Lowering:
    """Lowers the methods of one machine, at fixed parameters, into one circuit."""

    def __init__(self, definition: Definition, parameters: Any, circuit: Circuit, depth: bool = False) -> None:
        """With `depth`, operations record where they reach the goals of depth."""
        self.definition = definition
        self.parameters = parameters
        self.circuit = circuit
        self._depth = depth
        self.algebra = Algebra(circuit)
        self.containers = Containers(self.algebra)
        self.shapes: dict[str, Shape] = {
            name: shape_of(variable.type, parameters) for name, variable in definition.state.items()
        }

    def argument_shapes(self, operation: str) -> dict[str, Shape]:
        """The shape of each argument of an operation."""
        shapes: dict[str, Shape] = {}
        for name, kind in self.definition.methods[operation].arguments:
            if kind is None:
                raise ValueError(f"argument {name} of {operation} is any integer: give it a type with bounds")
            shapes[name] = shape_of(kind, self.parameters)
        return shapes

    def operation(self, name: str, arguments: Mapping[str, Value], state: State) -> Transition:
        """The effect of an operation on a state."""
        record = Record(self.circuit, name, goals={} if self._depth else None)
        result, ended = self._run(name, arguments, state, record)
        return Transition(name, dict(arguments), ended.guard, ended.state, result, record)

    def predicate(self, name: str, state: State) -> Predicate:
        """An invariant of a state."""
        record = Record(self.circuit, name)
        result, _ = self._run(name, {}, state, record)
        return Predicate(name, self._truth(name, result), tuple(record.obligations))

    def _truth(self, name: str, value: Value) -> int:
        """Whether an invariant holds: None, as in Python, says that it does not."""
        if isinstance(value, Option):
            return FALSE if value.value is None else self.circuit.both(value.present, self._truth(name, value.value))
        if isinstance(value, Bool):
            return value.bit
        method = self.definition.methods[name]
        place = Place(name, method.file, method.line)
        raise LoweringError(place, f"it returns a {type(value).__name__.lower()}", "Return a truth value")

    def _run(
        self, name: str, arguments: Mapping[str, Value], state: State, record: Record
    ) -> tuple[Value, Environment]:
        statements = Statements(self.definition, self.parameters, self.containers, self.shapes, record)
        start = Environment({}, dict(state), TRUE, 0)
        result, ended = statements.run(self.definition.methods[name], dict(arguments), start, TRUE)
        if record.goals is not None:
            statements.state_goals(state, ended.guard)
        return result, ended
