"""Interchangeable things: `canonical` orders them, `normal_form` says what the order makes true, `phase` draws them."""

from __future__ import annotations

from typing import Any

from kvproof.spec.lang import Machine, Map, Shipped, canonical, normal_form, operation, phase, reject, step
from kvproof.spec.lang.examples.ground import THREE, Few, Sizes, Thing


class Jars(Machine[Sizes]):
    """Jars are filled; which is which does not matter."""

    level: Map[Thing, Few]

    @step
    def pour(self, jar: Thing) -> None:
        """One more in a jar."""
        self.level[jar] += 1

    @operation
    def fill(self, jar: Thing) -> None:
        """Fill a jar by one."""
        if self.level[jar] == self.params.top:
            reject("full")
        self.pour(jar)

    @canonical
    def by_level(self) -> dict[Any, list[Any]]:
        """Empty jars first."""
        return {Thing: sorted(self.every(Thing), key=lambda jar: self.level[jar])}

    @normal_form
    def levels_ascend(self) -> bool:
        """In the canonical order, levels do not fall."""
        return all(
            self.level[jar] <= self.level[later]
            for jar in self.every(Thing)
            for later in self.every(Thing)
            if jar < later
        )

    @phase
    def state_of(self, jar: Thing) -> str:
        """Empty, filling or full."""
        level = self.level[jar]
        return "empty" if level == 0 else "full" if level == self.params.top else "filling"


SHIPPED = Shipped(machine=Jars, sizes=THREE)
