"""A set: membership, size, and a loop in ascending order."""

from __future__ import annotations

from kvproof.spec.lang import Machine, Set, Shipped, operation, reject, step
from kvproof.spec.lang.examples.ground import THREE, Few, Sizes, Thing


class Marks(Machine[Sizes]):
    """Things are marked, at most `top` of them."""

    marked: Set[Thing]

    @step
    def mark(self, thing: Thing) -> None:
        """Mark a thing."""
        self.marked.add(thing)

    @step
    def unmark(self, thing: Thing) -> None:
        """Take a mark away; nothing happens where there is none."""
        self.marked.discard(thing)

    @operation
    def swap(self, thing: Thing) -> Few:
        """Mark a thing, or take its mark away; returns how many below it are marked."""
        if thing in self.marked:
            self.unmark(thing)
        elif len(self.marked) < self.params.top:
            self.mark(thing)
        else:
            reject("enough-marks")
        return sum(1 for other in self.marked if other < thing)


SHIPPED = Shipped(machine=Marks, sizes=THREE)
