"""A bounded sequence is a value: it is sliced and added, never written in place."""

from __future__ import annotations

from typing import Annotated

from kvproof.spec.lang import AtMost, Machine, Shipped, operation, reject, step
from kvproof.spec.lang.examples.ground import SMALL, Few, Sizes, Thing

Path = Annotated[tuple[Thing, ...], AtMost(lambda p: p.top)]


class Walk(Machine[Sizes]):
    """Goes from thing to thing, and back."""

    path: Path

    @step
    def be(self, path: Path) -> None:
        """The path is another one."""
        self.path = path

    @operation
    def go(self, thing: Thing) -> None:
        """Go on to another thing."""
        if len(self.path) > 0 and self.path[-1] == thing:
            reject("there-already")
        if len(self.path) == self.params.top:
            reject("far-enough")
        self.be(self.path + (thing,))

    @operation
    def back(self, steps: Few) -> Path:
        """Go some steps back; returns what is taken off the path."""
        left = len(self.path) - steps
        if left < 0:
            reject("too-far")
        taken = self.path[left:]
        self.be(self.path[:left])
        return taken


SHIPPED = Shipped(machine=Walk, sizes=SMALL)
