"""A queue with priorities: the front is the lowest priority, and in it who came first."""

from __future__ import annotations

from kvproof.spec.lang import Machine, PriorityQueue, Shipped, operation, reject, step
from kvproof.spec.lang.examples.ground import SMALL, Few, Sizes, Thing


class Eviction(Machine[Sizes]):
    """Things wait to be evicted."""

    free: PriorityQueue[Thing, Few]

    @step
    def queue(self, thing: Thing, priority: Few, first: bool) -> None:
        """A thing is free: it goes first or last of its priority."""
        if first:
            self.free.push_front(thing, priority)
        else:
            self.free.push_back(thing, priority)

    @step
    def claim(self, thing: Thing) -> None:
        """A thing is used."""
        self.free.remove(thing)

    @operation
    def release(self, thing: Thing, priority: Few, empty: bool) -> None:
        """Free a thing; an empty one is evicted first."""
        if thing in self.free:
            reject("free-already")
        self.queue(thing, 0 if empty else priority, empty)

    @operation
    def evict(self) -> Few:
        """Take the next victim; returns its priority."""
        if len(self.free) == 0:
            reject("nothing-is-free")
        victim = self.free.front()
        priority = self.free.priority_of(victim)
        self.claim(victim)
        return priority


SHIPPED = Shipped(machine=Eviction, sizes=SMALL)
