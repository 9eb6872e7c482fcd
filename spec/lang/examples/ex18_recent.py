"""Idiom, an LRU order: a queue of one priority. Who is used goes to the back, and the front is the victim."""

from __future__ import annotations

from typing import Annotated

from kvproof.spec.lang import Between, Machine, PriorityQueue, Shipped, ensure, operation, reject, step
from kvproof.spec.lang.examples.ground import SMALL, Sizes, Thing

Only = Annotated[int, Between(0, 0)]


class Recent(Machine[Sizes]):
    """Things are used, and the one that was not used for longest goes."""

    order: PriorityQueue[Thing, Only]

    @step
    def place_last(self, thing: Thing) -> None:
        """A thing is the last that was used."""
        if thing in self.order:
            self.order.remove(thing)
        self.order.push_back(thing, 0)

    @step
    def drop(self, thing: Thing) -> None:
        """A thing goes."""
        self.order.remove(thing)

    @operation
    def use(self, thing: Thing) -> None:
        """Use a thing."""
        self.place_last(thing)
        ensure(len(self.order) > 1 or self.order.front() == thing, "alone-is-first")

    @operation
    def evict(self) -> Thing:
        """Drop the thing that was not used for longest."""
        if len(self.order) == 0:
            reject("nothing-there")
        victim = self.order.front()
        self.drop(victim)
        return victim


SHIPPED = Shipped(machine=Recent, sizes=SMALL)
