"""A total map over an index type, a helper, quantifiers and a count."""

from __future__ import annotations

from kvproof.spec.lang import Machine, Map, Shipped, ensure, operation, step
from kvproof.spec.lang.examples.ground import SMALL, Sizes, Thing


class Lamps(Machine[Sizes]):
    """Lamps that are on or off."""

    on: Map[Thing, bool]

    @step
    def turn(self, lamp: Thing, on: bool) -> None:
        """Turn one lamp on or off."""
        self.on[lamp] = on

    @operation
    def press(self, lamp: Thing) -> bool:
        """Change one lamp; returns whether all are on then."""
        before = self.burning()
        self.turn(lamp, not self.on[lamp])
        ensure(self.burning() == before + 1 or self.burning() == before - 1, "one-at-a-time")
        return all(self.on[other] for other in self.every(Thing))

    def burning(self) -> int:
        """How many are on."""
        return sum(1 for lamp in self.every(Thing) if self.on[lamp])


SHIPPED = Shipped(machine=Lamps, sizes=SMALL)
