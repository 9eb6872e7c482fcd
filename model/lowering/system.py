"""A machine at fixed parameters as a transition system over bits: state, operations, obligations, invariants.

This is what the checkers work on. It also translates between bits and the concrete states and arguments of the
reference, so that a solver's model can be read, replayed, and compared with the reference bit for bit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from kvproof.model.lowering.methods import Lowering, Predicate, State, Transition
from kvproof.model.symbolic.circuit import Circuit, value_of
from kvproof.model.symbolic.encoding import Freshness, concrete, decoded, encoded, layout
from kvproof.model.symbolic.integers import Value
from kvproof.model.symbolic.shapes import MapShape, Shape
from kvproof.spec.lang.definition import Definition


class System:
    """The symbolic transition system of one machine."""

    def __init__(
        self,
        definition: Definition,
        parameters: Any,
        known: Mapping[str, int | str] | None = None,
        depth: bool = False,
    ) -> None:
        """`known`: bits of the arbitrary state that are constant, or equal to another (see `hypotheses`). With `depth`,
        operations record where they reach the goals of depth."""
        self.definition = definition
        self.parameters = parameters
        self.circuit = Circuit()
        self.lowering = Lowering(definition, parameters, self.circuit, depth)
        self.algebra = self.lowering.algebra
        self.shapes: dict[str, Shape] = self.lowering.shapes
        fresh = Freshness(self.algebra, known)
        self.state: dict[str, Value] = {name: fresh.value(shape, name) for name, shape in self.shapes.items()}
        self.representation = fresh.constraints
        """What makes the state's bits a state: ranges, sorted queues, zero where nothing is."""
        self._arguments: dict[tuple[str, Shape], Value] = {}
        self._argument_constraints: dict[tuple[str, Shape], list[int]] = {}
        self._transitions: dict[str, Transition] = {}

    @property
    def operations(self) -> tuple[str, ...]:
        """The operations, and then the trials, in order of definition."""
        return (*self.definition.of_kind("operation"), *self.definition.trials())

    @cached_property
    def initial(self) -> tuple[Any, ...]:
        """The initial state, as a snapshot."""
        snapshot = self.definition.cls(self.parameters).snapshot()
        assert isinstance(snapshot, tuple)
        return snapshot

    @cached_property
    def invariants(self) -> dict[str, Predicate]:
        """Every invariant of the arbitrary state."""
        return self.invariants_of(self.state)

    def invariants_of(self, state: State) -> dict[str, Predicate]:
        """Every invariant of some state of this circuit."""
        return {name: self.lowering.predicate(name, state) for name in self.definition.of_kind("invariant")}

    @cached_property
    def hypotheses(self) -> list[int]:
        """What induction assumes of the arbitrary state: that it is a state, satisfies all invariants, and has the names
        that the machine's normal form picks for interchangeable things."""
        literals = list(self.representation)
        normal = [self.lowering.predicate(name, self.state) for name in self.definition.of_kind("normal_form")]
        for predicate in (*self.invariants.values(), *normal):
            literals.append(predicate.holds)
            literals.extend(obligation.bad ^ 1 for obligation in predicate.obligations)
        return literals

    def arguments(self, operation: str) -> dict[str, Value]:
        """Arbitrary arguments. Arguments of one name and shape are the same inputs in every operation."""
        found: dict[str, Value] = {}
        for name, shape in self.lowering.argument_shapes(operation).items():
            if (name, shape) not in self._arguments:
                fresh = Freshness(self.algebra)
                taken = sum(1 for other, _ in self._arguments if other == name)
                self._arguments[name, shape] = fresh.value(shape, f"argument {name}{'~' * taken}")
                self._argument_constraints[name, shape] = fresh.constraints
            found[name] = self._arguments[name, shape]
        return found

    def argument_constraints(self, operation: str) -> list[int]:
        """What makes the bits of an operation's arguments arguments."""
        self.arguments(operation)
        shapes = self.lowering.argument_shapes(operation)
        return [c for name, shape in shapes.items() for c in self._argument_constraints[name, shape]]

    def transition(self, operation: str) -> Transition:
        """An operation with arbitrary arguments on the arbitrary state."""
        if operation not in self._transitions:
            arguments = self.arguments(operation)
            self._transitions[operation] = self.lowering.operation(operation, arguments, self.state)
        return self._transitions[operation]

    def layout(self, state: State) -> list[int]:
        """All literals of a state, in the order of the inputs that make up the arbitrary state."""
        return [bit for name, shape in self.shapes.items() for bit in layout(self.algebra, shape, state[name])]

    def encoded(self, snapshot: Sequence[Any]) -> dict[str, Value]:
        """The constant state for a snapshot of the reference."""
        parts = zip(self.shapes.items(), snapshot, strict=True)
        return {name: encoded(self.algebra, shape, part) for (name, shape), part in parts}

    def assignment(self, snapshot: Sequence[Any]) -> dict[int, int]:
        """Values of the state's inputs (by node) that make it a given snapshot."""
        bits = zip(self.layout(self.state), self.layout(self.encoded(snapshot)), strict=True)
        return {bit >> 1: value & 1 for bit, value in bits if bit > 1}

    def argument_assignment(self, operation: str, arguments: Mapping[str, Any]) -> dict[int, int]:
        """Values of the argument inputs (by node) for concrete arguments."""
        found: dict[int, int] = {}
        symbolic = self.arguments(operation)
        for name, shape in self.lowering.argument_shapes(operation).items():
            constant = encoded(self.algebra, shape, arguments[name])
            bits = zip(layout(self.algebra, shape, symbolic[name]), layout(self.algebra, shape, constant), strict=True)
            found.update({bit >> 1: value & 1 for bit, value in bits if bit > 1})
        return found

    def snapshot(self, state: State, values: Sequence[int]) -> tuple[Any, ...]:
        """The concrete state, given the node values of the circuit: what the reference's `snapshot` would be."""

        def read(literal: int) -> bool:
            return bool(value_of(values, literal))

        return tuple(decoded(self.algebra, shape, state[name], read) for name, shape in self.shapes.items())

    def concrete_arguments(self, operation: str, values: Sequence[int]) -> dict[str, Any]:
        """The concrete arguments of an operation, given the node values of the circuit."""

        def read(literal: int) -> bool:
            return bool(value_of(values, literal))

        symbolic = self.arguments(operation)
        shapes = self.lowering.argument_shapes(operation)
        return {name: decoded(self.algebra, shape, symbolic[name], read, named=True) for name, shape in shapes.items()}

    def choices(self, operation: str, values: Sequence[int]) -> tuple[Any, ...]:
        """What is taken at each open choice that an operation comes to, given the node values of the circuit."""

        def read(literal: int) -> bool:
            return bool(value_of(values, literal))

        return tuple(
            concrete(choice.candidates[concrete(choice.which, read)], read)
            for choice in self.transition(operation).record.choices
            if read(choice.made)
        )

    def readable(self, snapshot: Sequence[Any]) -> dict[str, Any]:
        """A snapshot with the names of its variables, and keys in place of positions."""
        found: dict[str, Any] = {}
        for (name, shape), part in zip(self.shapes.items(), snapshot, strict=True):
            keys = getattr(shape, "keys", None)
            found[name] = dict(zip(keys, part, strict=True)) if keys is not None and _is_total(shape) else part
        return found


def _is_total(shape: Shape) -> bool:
    return isinstance(shape, MapShape)
