"""The machine under test as the harness sees it: names, shapes, references; nothing of what the machine is about."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from attrs import evolve, field, frozen

from kvproof.fuzz.shapes import Shape
from kvproof.fuzz.target import HarnessError, Observation, Value

Parameters = Mapping[str, int]

Shapes = Mapping[str, Mapping[str, Shape]]
"""Shape of each argument of each operation."""


class MachineError(HarnessError):
    """No such machine, or parameters that it does not allow."""


class Reference(Protocol):
    """The generated reference (kvproof.model.reference), as far as lockstep uses it.

    Records are dicts from field to value, in arguments and in results, also inside tuples.
    """

    on_step: Callable[[str, tuple[Value, ...]], None] | None
    coverage: set[int] | None
    events: Any
    script: list[Any] | None
    """Choices to follow where the specification leaves one open; the policy decides when it is None or used up."""

    def apply(self, operation: str, arguments: Mapping[str, Value]) -> Value:
        """Perform the operation; a refusal or a broken rule is raised."""

    def observe(self) -> Observation:
        """What can be seen from outside."""

    def check(self) -> Iterable[str]:
        """Names of the invariants that do not hold now."""

    def enabled(self, operation: str, arguments: Mapping[str, Value]) -> str | None:
        """The error that `apply` would be refused with, or None; nothing changes."""

    def snapshot(self) -> Any:
        """The state."""

    def restore(self, saved: Any) -> None:
        """Return to a state that `snapshot` gave."""


@frozen
class Subject:
    """A machine, reduced to what driving it takes."""

    name: str
    digest: str
    presets: tuple[Parameters, ...] = field()
    """Small parameters that show the machine's behaviour, the smallest first; the engines draw near them."""
    make_reference: Callable[[Parameters], Reference] = field()
    """A fresh reference; raises `ValueError` for parameters that the machine does not allow."""
    make_shapes: Callable[[Parameters], Shapes] = field()
    """The shapes at these parameters."""
    steps: frozenset[str] = field()
    """The steps that a target's log may name."""
    rejected: type[Exception] = field()
    """What the reference raises for a refusal (has `.error`)."""
    rule_broken: type[Exception] = field()
    """What the reference raises for a broken rule (has `.rule`)."""
    branches: Mapping[int, tuple[str, int, str]] = field()
    """Branch id to (method, line, text)."""
    events: tuple[str, ...] = ()
    """The `sometimes` events that the machine declares."""
    sequence_state: Mapping[str, str] = {}
    """State variables that hold sequences, and the kind of their items: sequence arguments take prefixes from them."""
    queries: frozenset[str] = frozenset()
    """Operations that take no step whatever their arguments: they may be asked while operations are drawn."""
    seldom: frozenset[str] = frozenset()
    """Operations that end what others have built up."""

    @property
    def defaults(self) -> Parameters:
        """The smallest parameters."""
        return self.presets[0]

    @property
    def operations(self) -> tuple[str, ...]:
        """Names of the operations, in the machine's order."""
        return tuple(self.make_shapes(self.defaults))

    def without(self, names: Iterable[str]) -> Subject:
        """The same machine of which some operations are not driven: a manager need not offer them all.

        Raises:
            MachineError: there is no such operation, or none is left.
        """
        left_out = frozenset(names)
        if not left_out:
            return self
        unknown = left_out.difference(self.operations)
        if unknown:
            known = ", ".join(self.operations)
            raise MachineError(f"operation {min(unknown)}: {self.name} has no such operation; it has {known}")
        if left_out == frozenset(self.operations):
            raise MachineError(f"{self.name}: all of its operations are left out; drive at least one")
        make_shapes = self.make_shapes
        return evolve(
            self,
            make_shapes=lambda parameters: {
                name: shapes for name, shapes in make_shapes(parameters).items() if name not in left_out
            },
            queries=self.queries - left_out,
        )

    def reference(self, parameters: Parameters) -> Reference:
        """A fresh reference.

        Raises:
            MachineError: a parameter is unknown, missing, or not allowed.
        """
        unknown = sorted(set(parameters) - set(self.defaults))
        missing = sorted(set(self.defaults) - set(parameters))
        if unknown or missing:
            wrong = [f"unknown {', '.join(unknown)}"] * bool(unknown) + [f"missing {', '.join(missing)}"] * bool(
                missing
            )
            raise MachineError(f"parameters of {self.name}: {'; '.join(wrong)}; it has {', '.join(self.defaults)}")
        try:
            return self.make_reference(parameters)
        except ValueError as error:
            raise MachineError(f"parameters of {self.name}: {error}") from error
