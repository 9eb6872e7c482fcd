"""Containers in a total map: each is named in full where it is used, and an invariant ties two views of one thing."""

from __future__ import annotations

from kvproof.spec.lang import Machine, Map, PartialMap, Set, Shipped, invariant, operation, reject, require, step
from kvproof.spec.lang.examples.ground import SMALL, Sizes, Thing


class Shelves(Machine[Sizes]):
    """Every thing is a shelf too: it may stand on one of the others."""

    on: PartialMap[Thing, Thing]
    """The shelf on which a thing stands."""
    things: Map[Thing, Set[Thing]]
    """What stands on each shelf."""

    @step
    def put(self, thing: Thing, shelf: Thing) -> None:
        """Put a thing on a shelf."""
        require(thing not in self.on, "put-once")
        self.on[thing] = shelf
        self.things[shelf].add(thing)

    @step
    def take(self, thing: Thing) -> None:
        """Take a thing off its shelf."""
        require(thing in self.on, "take-what-stands")
        self.things[self.on[thing]].discard(thing)
        del self.on[thing]

    @operation
    def place(self, thing: Thing, shelf: Thing) -> int:
        """Put a thing on another shelf; returns how many stand there."""
        if thing == shelf:
            reject("on-itself")
        if thing in self.on:
            self.take(thing)
        self.put(thing, shelf)
        return len(self.things[shelf])

    @invariant
    def both_sides_agree(self) -> bool:
        """put and take change both."""
        return all(
            (thing in self.things[shelf]) == (thing in self.on and self.on[thing] == shelf)
            for thing in self.every(Thing)
            for shelf in self.every(Thing)
        )


SHIPPED = Shipped(
    machine=Shelves,
    sizes=SMALL,
    unreached={"put: thing and shelf: equal": "a thing does not stand on itself"},
)
