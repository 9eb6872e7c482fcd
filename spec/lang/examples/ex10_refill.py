"""A loop has a bound: `for _ in range(limit)` with a break, where other programs have a while."""

from __future__ import annotations

from kvproof.spec.lang import Machine, Map, Shipped, ensure, operation, reject, step
from kvproof.spec.lang.examples.ground import SMALL, Few, Sizes, Thing


class Refill(Machine[Sizes]):
    """Glasses are emptied and filled again."""

    level: Map[Thing, Few]

    @step
    def pour(self, glass: Thing) -> None:
        """One more in a glass."""
        self.level[glass] += 1

    @step
    def drain(self, glass: Thing) -> None:
        """A glass is emptied."""
        self.level[glass] = 0

    @operation
    def drink(self, glass: Thing) -> None:
        """Empty a glass."""
        if self.level[glass] == 0:
            reject("empty")
        self.drain(glass)

    @operation
    def fill(self, glass: Thing, wanted: Few) -> int:
        """Fill a glass up to what is wanted; returns how much went in."""
        poured = 0
        for _ in range(self.params.top):
            if self.level[glass] >= wanted:
                break
            self.pour(glass)
            poured += 1
        ensure(self.level[glass] >= wanted, "filled")
        return poured


SHIPPED = Shipped(machine=Refill, sizes=SMALL)
