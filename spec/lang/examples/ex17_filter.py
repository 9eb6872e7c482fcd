"""Idiom, a filter: `tuple(.. for .. in .. if ..)`."""

from __future__ import annotations

from typing import Annotated

from kvproof.spec.lang import AtMost, Machine, Shipped, ensure, operation, reject, step
from kvproof.spec.lang.examples.ground import SMALL, Sizes, Thing

Line = Annotated[tuple[Thing, ...], AtMost(lambda p: p.top)]


class Queue(Machine[Sizes]):
    """Things stand in line, and may be in it twice."""

    line: Line

    @step
    def be(self, line: Line) -> None:
        """The line is another one."""
        self.line = line

    @operation
    def join(self, thing: Thing) -> None:
        """Stand at the end."""
        if len(self.line) == self.params.top:
            reject("long-enough")
        self.be(self.line + (thing,))

    @operation
    def leave(self, thing: Thing) -> int:
        """Leave every place in the line; returns how many that were."""
        before = len(self.line)
        self.be(self.without(thing))
        ensure(all(other != thing for other in self.line), "gone")
        return before - len(self.line)

    def without(self, thing: Thing) -> Line:
        """The line without a thing."""
        return tuple(other for other in self.line if other != thing)


SHIPPED = Shipped(machine=Queue, sizes=SMALL)
