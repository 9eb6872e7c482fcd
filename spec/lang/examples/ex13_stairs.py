"""A trial: steps from any state, on a copy, that nobody calls; here one step takes back another."""

from __future__ import annotations

from kvproof.spec.lang import Machine, Map, Shipped, assume, ensure, operation, reject, step, trial
from kvproof.spec.lang.examples.ground import SMALL, Few, Sizes, Thing


class Stairs(Machine[Sizes]):
    """Walkers on stairs."""

    height: Map[Thing, Few]

    @step
    def climb(self, walker: Thing) -> None:
        """A stair up."""
        self.height[walker] += 1

    @step
    def descend(self, walker: Thing) -> None:
        """A stair down."""
        self.height[walker] -= 1

    @operation
    def go(self, walker: Thing, up: bool) -> None:
        """Go up or down."""
        if self.height[walker] == (self.params.top if up else 0):
            reject("no-further")
        if up:
            self.climb(walker)
        else:
            self.descend(walker)

    @trial
    def down_undoes_up(self, walker: Thing, other: Thing) -> None:
        """A stair up and a stair down again is nothing, for every walker."""
        assume(self.height[walker] < self.params.top)
        before = self.height[other]
        self.climb(walker)
        self.descend(walker)
        ensure(self.height[other] == before, "up-and-down-is-nothing")


SHIPPED = Shipped(machine=Stairs, sizes=SMALL)
