"""A counter: state, a step with its rule, an operation that refuses, an invariant."""

from __future__ import annotations

from typing import Annotated

import attrs

from kvproof.spec.lang import Between, Machine, Parameters, Shipped, invariant, operation, reject, require, step


@attrs.frozen
class CounterParameters(Parameters):
    """Sizes of a counter."""

    top: int = 3


class Counter(Machine[CounterParameters]):
    """Counts up to a top."""

    value: Annotated[int, Between(0, lambda p: p.top + 1)]
    """How far it has counted."""

    @step
    def advance(self) -> None:
        """One further."""
        require(self.value < self.params.top, "advance-below-the-top")
        self.value += 1

    @operation
    def count(self) -> int:
        """Count one; returns the new value."""
        if self.value == self.params.top:
            reject("at-the-top")
        self.advance()
        return self.value

    @invariant
    def stays_below(self) -> bool:
        """advance requires it."""
        return self.value <= self.params.top


SHIPPED = Shipped(
    machine=Counter, sizes={"explore": {"3": CounterParameters()}, "induction": {"3": CounterParameters()}}
)
